-- Dead-letters what waits for an instance that is gone.
--
-- KEYS  1 the instance's stream, 2 the dead letters, 3 the beats, 4 the register of instances,
--       5 the instance's token
-- ARGV  1 the instance's queue, 2 its worker, 3 that worker's beat as last seen ('' none; * when
--       the worker itself says good-bye), 4 how many at the most
-- Reply: ALIVE, or how many were dead-lettered; the queue is gone once that is fewer than asked.

if ARGV[3] ~= '*' and (redis.call('ZSCORE', KEYS[3], ARGV[2]) or '') ~= ARGV[3] then return 'ALIVE' end
if redis.call('HGET', KEYS[4], ARGV[1]) ~= ARGV[2] then return 'ALIVE' end
local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[4])
for _, entry in ipairs(entries) do
    local parts = {'reason', 'gone', 'error', 'the instance it was addressed to is gone', 'queue', ARGV[1]}
    for i = 1, #entry[2], 2 do
        local name = entry[2][i]
        if name == 'm' then
            parts[#parts + 1] = 'payload'
            parts[#parts + 1] = entry[2][i + 1]
        elseif name == 'h' then
            parts[#parts + 1] = 'history'
            parts[#parts + 1] = entry[2][i + 1]
        end
    end
    redis.call('XDEL', KEYS[1], entry[1])
    redis.call('XADD', KEYS[2], '*', unpack(parts))
end
if #entries < tonumber(ARGV[4]) then
    redis.call('DEL', KEYS[1], KEYS[5])
    redis.call('HDEL', KEYS[4], ARGV[1])
end
return #entries
