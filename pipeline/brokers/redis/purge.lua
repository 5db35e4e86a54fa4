-- Takes dead letters away for good.
--
-- KEYS  1 the dead letters, 2 the receipt
-- ARGV  1 how long the receipt is kept in ms, 2.. the letters' ids
-- Reply: a string, 1 for each that was taken away and 0 for each that was not there.

local wrong = refuse_other_types({1})
if wrong then return wrong end
local changed, replies = false, {}
for i = 2, #ARGV do
    local there = redis.call('XDEL', KEYS[1], ARGV[i])
    changed = changed or there == 1
    replies[#replies + 1] = tostring(there)
end
return signed(table.concat(replies), changed, ARGV[1])
