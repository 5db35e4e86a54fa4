-- Settles a batch of deliveries of one queue: each takes effect whole, once, or not at all.
--
-- KEYS  1 the queue's stream, 2 its token, 3.. every key that is read or written
-- ARGV  1 the group, 2 the token the deliveries were read under, 3 a time offset in ms (tests),
--       4 how many deliveries want nothing but to be acknowledged, then their entry ids,
--       then for each other delivery: its entry id, then a unit of work (see units.lua)
-- Reply  first of those that want nothing: 1 all won, else one of 1 and 0 for each; then a string
--        for each of the others: 1 won, 0 not ours any more (or our own earlier try),
--        C what it read has changed, E:why refused with nothing done, T:why torn;
--        or the one string FENCED.
--
-- The first write is an XACK, which the server allows at its memory limit: a consumer can always
-- drain. No write may fail after the XACK, since a script does not roll back; one that does all
-- the same leaves the entry pending for a janitor instead of losing it.

if redis.call('GET', KEYS[2]) ~= ARGV[2] then return {'FENCED'} end
local offset = tonumber(ARGV[3])
local plain = tonumber(ARGV[4])
local at = 5 + plain

-- What was acknowledged before is deleted since then, unless it was torn.
local function is_torn(id)
    local pending = redis.pcall('XPENDING', KEYS[1], '_torn', id, id, 1)
    return not pending.err and #pending > 0
end

-- All at once: XACK doesn't say which of them were not ours, which is seldom and found out then.
local function acknowledge()
    local acked = redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 5, 4 + plain))
    if acked == plain then
        redis.pcall('XDEL', KEYS[1], unpack(ARGV, 5, 4 + plain))
        return '1'
    end
    local won = {}
    for i = 5, 4 + plain do
        local id = ARGV[i]
        won[#won + 1] = not is_torn(id) and redis.pcall('XDEL', KEYS[1], id) == 1 and '1' or '0'
    end
    return table.concat(won)
end

-- In a group of its own, where no late settler of this delivery finds it.
local function torn(id, why)
    redis.pcall('XGROUP', 'CREATE', KEYS[1], '_torn', '$')
    redis.pcall('XCLAIM', KEYS[1], '_torn', '_torn', 0, id, 'FORCE', 'JUSTID')
    return 'T:' .. why
end

local replies, done = {plain == 0 and '1' or acknowledge()}, {}

-- Acknowledges a delivery, unless there is a verdict on it; answers what becomes of it, or nothing.
local function answered(id, verdict)
    -- Who is not its owner any more has nothing to compare.
    if verdict then return #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1) == 0 and '0' or verdict end
    if redis.call('XACK', KEYS[1], ARGV[1], id) == 0 then return '0' end
end

-- After its writes, the first error of which is failed, or nothing.
local function settled(id, failed)
    if failed then return torn(id, failed) end
    done[#done + 1] = id
    return '1'
end

local function failure(reply)
    return type(reply) == 'table' and reply.err or nil
end

-- The shortest unit, as most are: p, then an index into KEYS, how many fields and values, these.
-- One message is published, and nothing else is wanted.
local function settle_post(id)
    local n, argc = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    local first = at + 4
    at = first + argc
    local why = refused('P', n, first, argc)
    local answer = answered(id, why and 'E:' .. why)
    if answer then return answer end
    return settled(id, failure(redis.pcall('XADD', KEYS[n], '*', unpack(ARGV, first, at - 1))))
end

-- The next shortest, as calls of tasks end: m, a hash and a field that must not be there, a value
-- with its time to live and what it is, two sorted sets, and from there on as a Z: a member that
-- leaves the first set for the second. What examine and write make of the same, without asking
-- what it is that is wanted.
local function settle_move(id)
    local held, value = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 4])
    local from, to = tonumber(ARGV[at + 7]), tonumber(ARGV[at + 8])
    local field, set, add, member = at + 3, at + 5, at + 9, at + 11
    at = at + 12
    local kind, verdict = kind_of(held)
    if kind ~= 'none' and kind ~= 'hash' then
        verdict = 'E:' .. KEYS[held] .. ' holds a ' .. kind .. ', not a hash'
    elseif kind == 'hash' and redis.call('HEXISTS', KEYS[held], ARGV[field]) == 1 then
        verdict = 'C'
    else
        local why = refused('S', value, set, 2) or refused('z', from, member, 1) or refused('Z', to, add, 3)
        verdict = why and 'E:' .. why
    end
    local answer = answered(id, verdict)
    if answer then return answer end
    local first = failure(perform.S(KEYS[value], set))
    local second = failure(perform.z(KEYS[from], member, 1))
    return settled(id, first or second or failure(perform.Z(KEYS[to], add)))
end

local function settle_unit(id)
    local ends, verdict, writes = examine(at + 1)
    at = ends
    local answer = answered(id, verdict)
    if answer then return answer end
    return settled(id, write(writes, offset))
end

local SHORT = {p = settle_post, m = settle_move}
local function settle_others()
    while ARGV[at] do
        local settle = SHORT[ARGV[at + 1]] or settle_unit
        replies[#replies + 1] = settle(ARGV[at])
    end
end

-- If one breaks the script, what came before it is settled all the same.
local whole, why = pcall(settle_others)
if #done > 0 then redis.pcall('XDEL', KEYS[1], unpack(done)) end
if not whole then error(why) end
return replies
