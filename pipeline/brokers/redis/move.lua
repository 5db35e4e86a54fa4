-- Moves delayed messages that are due to their queues.
--
-- KEYS  for each queue: its delayed messages, its stream, its dead letters
-- ARGV  1 how many to move of each queue, 2 a time offset in ms (tests)
-- Reply: ms until the next of all of them is due (-1: none waits).
--
-- A member that can't be read is dead-lettered as it is. ZREM comes first, since the server allows
-- it at its memory limit, and then allows the rest.

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[2]

local function usable(key, wanted)
    local kind = redis.call('TYPE', key).ok
    return kind == 'none' or kind == wanted
end

local function move(delayed, stream, dead)
    local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', 0, ARGV[1])
    for _, member in ipairs(due) do
        redis.call('ZREM', delayed, member)
        local parts = fields(member)
        if not parts or redis.pcall('XADD', stream, '*', unpack(parts)).err then
            redis.call('XADD', dead, '*', 'reason', 'undecodable', 'error',
                       'a delayed message that can not be read', 'payload', member)
        end
    end
end

-- Ms until the first is due; nil: none waits, or it is no queue of ours.
local function wait(delayed)
    local first = redis.pcall('ZRANGE', delayed, 0, 0, 'WITHSCORES')
    return first[2] and first[2] - now
end

local soonest = -1
for i = 1, #KEYS, 3 do
    -- Mostly nothing is due, which is one look.
    local left = wait(KEYS[i])
    if left and left <= 0 then
        left = nil
        if usable(KEYS[i + 1], 'stream') and usable(KEYS[i + 2], 'stream') then
            move(KEYS[i], KEYS[i + 1], KEYS[i + 2])
            left = wait(KEYS[i])
        end
    end
    if left and (soonest < 0 or left < soonest) then soonest = math.max(0, left) end
end
return soonest
