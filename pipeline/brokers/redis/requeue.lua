-- Puts dead letters back on their queue, as fresh messages that keep their history; each is gone
-- from the dead letters in the same step, so that of two who ask only one puts it back.
--
-- KEYS  1 the dead letters, 2 the receipt, 3 the stream they go to, 4 the one they go to if that
--       one is not there, as when it was an instance's that is gone
-- ARGV  1 how long the receipt is kept in ms, 2 a time offset in ms (tests), 3.. the letters' ids
-- Reply: a string, 1 for each that was put back and 0 for each that was not there.

local wrong = refuse_other_types({1, 3, 4})
if wrong then return wrong end
local now, changed, replies = milliseconds(ARGV[2]), false, {}
local target = redis.call('EXISTS', KEYS[3]) == 1 and KEYS[3] or KEYS[4]
begin()
for i = 3, #ARGV do
    local letter = read(ARGV[i])
    if letter then
        local since = string.match(letter.enqueued_at or '', '^%d+$') or string.match(ARGV[i], '^%d+')
        local parts = {'m', letter.payload or '', 'a', '1', 't', since,
                       'h', noted(letter.history, note('requeued', now, letter))}
        if letter.trace then
            parts[9], parts[10] = 'c', letter.trace
        end
        redis.call('XADD', target, '*', unpack(parts))
        redis.call('XDEL', KEYS[1], ARGV[i])
        changed = true
    end
    replies[#replies + 1] = letter and '1' or '0'
end
return signed(table.concat(replies), changed, ARGV[1])
