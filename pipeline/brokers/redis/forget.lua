-- Removes a consumer from its group, only if it holds nothing: XGROUP DELCONSUMER would drop what
-- is pending for good.
--
-- KEYS  1 the queue's stream
-- ARGV  1 the group, 2 the consumer
-- Reply: 1 removed, 0 it still holds something.

if redis.call('EXISTS', KEYS[1]) == 0 then return 1 end
local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
if held.err then return 1 end
if #held > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
