-- Dead-letters what waits for an instance that is gone, delayed messages too.
--
-- KEYS  1 the instance's stream, 2 the dead letters, 3 the beats, 4 the register of instances,
--       5 the instance's token, 6 its delayed messages
-- ARGV  1 the instance's queue, 2 its worker, 3 that worker's beat as last seen ('' none; * when
--       the worker itself says good-bye), 4 how many at the most
-- Reply: ALIVE, or how many were dead-lettered; the queue is gone once that is fewer than asked.

if ARGV[3] ~= '*' and (redis.call('ZSCORE', KEYS[3], ARGV[2]) or '') ~= ARGV[3] then return 'ALIVE' end
if redis.call('HGET', KEYS[4], ARGV[1]) ~= ARGV[2] then return 'ALIVE' end
for n, wanted in pairs({[1] = 'stream', [2] = 'stream', [6] = 'zset'}) do
    local kind = redis.call('TYPE', KEYS[n]).ok
    if kind ~= 'none' and kind ~= wanted then
        return redis.error_reply('WRONGTYPE ' .. KEYS[n] .. ' holds a ' .. kind)
    end
end

local most = tonumber(ARGV[4])
local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', most)
-- A removal comes first: the server allows it at its memory limit, and then allows the rest.
for _, entry in ipairs(entries) do
    redis.call('XDEL', KEYS[1], entry[1])
    redis.call('XADD', KEYS[2], '*', unpack(gone(ARGV[1], entry[2], string.match(entry[1], '^%d+'))))
end
local delayed = {}
if #entries < most then delayed = redis.call('ZRANGE', KEYS[6], 0, most - #entries - 1) end
for _, member in ipairs(delayed) do
    redis.call('ZREM', KEYS[6], member)
    local parts = fields(member) or {'m', member}
    redis.call('XADD', KEYS[2], '*', unpack(gone(ARGV[1], parts, 0)))
end
local buried = #entries + #delayed
if buried < most then
    redis.call('DEL', KEYS[1], KEYS[5])
    redis.call('HDEL', KEYS[4], ARGV[1])
end
return buried
