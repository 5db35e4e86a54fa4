-- Takes away the dead letters that have been kept for long enough, oldest first.
--
-- KEYS  1 the dead letters
-- ARGV  1 how long they are kept in ms, 2 a time offset in ms (tests), 3 how many at the most
-- Reply: how many were taken away.

local t = redis.call('TIME')
local till = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[2] - ARGV[1]
if till <= 0 or redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local old = redis.call('XRANGE', KEYS[1], '-', string.format('(%.0f-0', till), 'COUNT', ARGV[3])
for _, entry in ipairs(old) do redis.call('XDEL', KEYS[1], entry[1]) end
return #old
