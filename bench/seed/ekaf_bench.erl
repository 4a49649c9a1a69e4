%% Drives the original ekaf for bench/seed_bench.ts: a line of standard input names a shape and a count, the answer is
%% the microseconds its calls took. What has arrived at the broker is measured outside.
-module(ekaf_bench).
-export([main/1]).

main([Port, Topic]) ->
    application:load(ekaf),
    [application:set_env(ekaf, Key, Value) || {Key, Value} <- [
        {ekaf_bootstrap_broker, {"127.0.0.1", list_to_integer(Port)}},
        {ekaf_per_partition_workers, 1},
        {ekaf_per_partition_workers_max, 1}]],
    {ok, _} = application:ensure_all_started(gproc),
    {ok, _} = application:ensure_all_started(ekaf),
    Name = list_to_binary(Topic),
    ekaf:prepare(Name),
    timer:sleep(1000),
    io:format("ready~n"),
    serve(Name).

serve(Topic) ->
    case io:get_line("") of
        eof -> halt(0);
        Line ->
            [Shape, Count] = string:lexemes(Line, " \n"),
            Values = [integer_to_binary(N) || N <- lists:seq(1, list_to_integer(Count))],
            {Micros, _} = timer:tc(fun() -> run(Shape, Topic, Values) end),
            io:format("~B~n", [Micros]),
            serve(Topic)
    end.

run("list", Topic, Values) -> ekaf:produce_async_batched(Topic, Values);
run("batched", Topic, Values) -> [ekaf:produce_async_batched(Topic, Value) || Value <- Values];
run("unbatched", Topic, Values) -> [ekaf:produce_async(Topic, Value) || Value <- Values];
run("sync", Topic, Values) -> [ekaf:produce_sync(Topic, Value) || Value <- Values].
