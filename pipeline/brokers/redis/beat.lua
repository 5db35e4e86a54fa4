-- One heartbeat of a worker: its counter goes up by one.
--
-- ZREM comes first: a bare ZADD is refused at the memory limit, and every worker would look dead.
--
-- KEYS  1 the beats of the partition
-- ARGV  1 the worker, 2 its count
-- Reply: the count.

redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
return ARGV[2]
