%% The process groups that ekaf uses, which Erlang/OTP 24 removed, on top of their successor. Groups exist from their
%% creation on: ekaf starts a topic when its group does not exist.
-module(pg2).
-export([create/1, delete/1, join/2, leave/2, get_local_members/1, get_closest_pid/1]).

create(Group) ->
    _ = pg:start(pg),
    persistent_term:put({?MODULE, Group}, true).

delete(Group) ->
    [pg:leave(Group, Pid) || Pid <- pg:get_local_members(Group)],
    persistent_term:erase({?MODULE, Group}),
    ok.

join(Group, Pid) ->
    case get_local_members(Group) of
        {error, _} = Error -> Error;
        _ -> pg:join(Group, Pid)
    end.

leave(Group, Pid) -> pg:leave(Group, Pid).

get_local_members(Group) ->
    case persistent_term:get({?MODULE, Group}, false) of
        true -> pg:get_local_members(Group);
        false -> {error, {no_such_group, Group}}
    end.

get_closest_pid(Group) ->
    case get_local_members(Group) of
        {error, _} = Error -> Error;
        [] -> {error, {no_process, Group}};
        Pids -> lists:nth(rand:uniform(length(Pids)), Pids)
    end.
