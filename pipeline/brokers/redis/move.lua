-- Moves delayed messages that are due to their queues.
--
-- KEYS  for each queue: its delayed messages, its stream, its dead letters
-- ARGV  1 how many to move of each queue, 2 a time offset in ms (tests)
-- Reply, a pair for each queue: how many moved, ms until the next is due (-1: none waits).
--
-- A member that can't be read is dead-lettered as it is. ZREM comes first, since the server allows
-- it at its memory limit, and then allows the rest.

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[2]

local function usable(key, wanted)
    local kind = redis.call('TYPE', key).ok
    return kind == 'none' or kind == wanted
end

local reply = {}
for i = 1, #KEYS, 3 do
    local moved, wait = 0, -1
    if usable(KEYS[i], 'zset') and usable(KEYS[i + 1], 'stream') and usable(KEYS[i + 2], 'stream') then
        local due = redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', now, 'LIMIT', 0, ARGV[1])
        for _, member in ipairs(due) do
            redis.call('ZREM', KEYS[i], member)
            local parts = fields(member)
            if not parts or redis.pcall('XADD', KEYS[i + 1], '*', unpack(parts)).err then
                redis.call('XADD', KEYS[i + 2], '*', 'reason', 'undecodable', 'error',
                           'a delayed message that can not be read', 'payload', member)
            end
            moved = moved + 1
        end
        local next = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')
        if next[2] then wait = math.max(0, next[2] - now) end
    end
    reply[#reply + 1] = moved
    reply[#reply + 1] = wait
end
return reply
