-- Looks at queues without looking at their messages, but the first that waits.
--
-- Stands behind position.lua.
--
-- KEYS  for each queue: its stream, its delayed messages, its dead letters
-- ARGV  1 the group
-- Reply, for each queue a list: how many entries, of them pending, delayed, dead; the id of the first
--       that waits ('' none), when the next delayed one is due ('' none), how many entries were ever
--       added ('' not counted), then each consumer of the group and how many are pending for it.

local function named(flat)
    local fields = {}
    for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
    return fields
end

local function size(key, wanted, command)
    local kind = redis.call('TYPE', key).ok
    if kind == 'none' then return 0 end
    if kind ~= wanted then error('WRONGTYPE ' .. key .. ' holds a ' .. kind) end
    return redis.call(command, key)
end

local function look(stream, delayed, dead)
    local seen = {size(stream, 'stream', 'XLEN'), 0, size(delayed, 'zset', 'ZCARD'), size(dead, 'stream', 'XLEN'), '', '', ''}
    if seen[3] > 0 then seen[6] = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2] end
    if redis.call('EXISTS', stream) == 0 then return seen end
    local added = named(redis.call('XINFO', 'STREAM', stream))['entries-added']
    if added then seen[7] = tostring(added) end
    local last = position(stream, ARGV[1])
    local first = redis.call('XRANGE', stream, last and '(' .. last or '-', '+', 'COUNT', 1)[1]
    if first then seen[5] = first[1] end
    if not last then return seen end
    for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', stream, ARGV[1])) do
        local consumer = named(flat)
        seen[2] = seen[2] + consumer.pending
        seen[#seen + 1] = consumer.name
        seen[#seen + 1] = consumer.pending
    end
    return seen
end

local reply = {}
for i = 1, #KEYS, 3 do
    local ok, seen = pcall(look, KEYS[i], KEYS[i + 1], KEYS[i + 2])
    if not ok then
        local why = type(seen) == 'table' and seen.err or tostring(seen)
        return redis.error_reply(string.match(why, 'WRONGTYPE.*') or why)
    end
    reply[#reply + 1] = seen
end
return reply
