#!/usr/bin/env escript
%% Prints phash2.ts: what Erlang makes of a table of keys.
%% Run with Debian's erlang-base: escript phash2.escript | deno fmt --ext ts - > phash2.ts

main(_) ->
    rand:seed(exsss, {2026, 11, 22}),
    Lengths = lists:append([
        [letters(Length), rand:bytes(Length)] || Length <- lists:seq(0, 40) ++ [100, 255, 256, 1000]
    ]),
    Texts = [unicode:characters_to_binary(Text) || Text <- [
        "0", "1", "12", "user-17", "order:2026-11-22", "ключ", "鍵と値", "naïve", "🔑", [16#feff | "bom"], " ", [0]
    ]],
    Fills = [binary:copy(<<Fill>>, Length) || Fill <- [16#00, 16#7f, 16#80, 16#ff], Length <- [1, 2, 3, 11, 12, 13, 24]],
    io:format("/**~n"),
    io:format(" * What Erlang/OTP ~s makes of a table of keys: `erlang:phash2(Key)`, then `erlang:phash2(Key, N)` for~n",
        [erlang:system_info(otp_release)]),
    io:format(" * N = 1, 3, 12, 1000 and 2^32.~n *~n"),
    io:format(" * Made by phash2.escript beside this file; its first comment has the command.~n *~n * @module~n */~n~n"),
    io:format("/** The key in hexadecimal, its hash, its hash below 1, 3, 12, 1000 and 2^32. */~n"),
    io:format("export const PHASH2_VECTORS: readonly (readonly [string, ...number[]])[] = [~n"),
    [io:format("  [\"~s\", ~b, ~b, ~b, ~b, ~b, ~b],~n", [hex(Key), erlang:phash2(Key) |
        [erlang:phash2(Key, N) || N <- [1, 3, 12, 1000, 1 bsl 32]]]) || Key <- Lengths ++ Texts ++ Fills],
    io:format("];~n").

letters(Length) -> << <<($a + I rem 26)>> || I <- lists:seq(0, Length - 1) >>.

hex(Key) -> lists:flatten([io_lib:format("~2.16.0b", [Byte]) || <<Byte>> <= Key]).
