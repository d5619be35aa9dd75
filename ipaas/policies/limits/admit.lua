-- Breaker, token buckets, daily quota and concurrency of up to 32 requests in one round trip, by Redis' own clock.
-- One hash per connection:
--   bs state, bu open until, bn openings in a row, bp probes out, bx probes lost at, bk/bf probes that went well/failed,
--   br ramp began, bq/bqs calls of this second of the ramp, o<slot>/f<slot> good and bad calls of a part of the window,
--   tk/ts tokens and their time, tk:<name>/ts:<name> of a further bucket, tp paused until,
--   q/qd (and q:<name>/qd:<name>) calls of a day, c:<process> slots held, x:<process> until when.
local ARGS = 18
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local day = math.floor(now / 86400000)
local answers = {}

local function bucket(h, name, rate, burst)
  local level = tonumber(h['tk' .. name]) or burst
  local since = tonumber(h['ts' .. name]) or now
  if now > since then level = level + (now - since) * rate / 1000 end
  return math.min(burst, level)
end

-- What lacks until one call more than the level pays for.
local function missing(level, cost)
  return (math.floor(level / cost) + 1) * cost - level
end

for i = 1, #KEYS do
  local a = (i - 1) * ARGS
  local key = KEYS[i]
  local want, ahead, slots, cost = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4])
  local rate, burst, quota = tonumber(ARGV[a + 5]), tonumber(ARGV[a + 6]), tonumber(ARGV[a + 7])
  local name, step_rate, step_burst = ARGV[a + 8], tonumber(ARGV[a + 9]), tonumber(ARGV[a + 10])
  local cap, process, slot_ttl = tonumber(ARGV[a + 11]), ARGV[a + 12], tonumber(ARGV[a + 13])
  local breaker, probes, ramp, probe_ttl = ARGV[a + 14] == '1', tonumber(ARGV[a + 15]), tonumber(ARGV[a + 16]), tonumber(ARGV[a + 17])
  local step_quota = tonumber(ARGV[a + 18])

  local h, raw = {}, redis.call('HGETALL', key)
  for j = 1, #raw, 2 do h[raw[j]] = raw[j + 1] end
  local set = {}
  local function put(field, value) set[#set + 1] = field; set[#set + 1] = value end

  local mode = breaker and tonumber(h.bs) or 0
  local allowed, wait, reason = want + ahead, 0, ''
  local function bound(limit, after, why)
    if limit < allowed then allowed = math.max(0, limit) end
    if limit < want and after >= wait then wait, reason = math.ceil(after), why end
  end

  if mode == 1 then
    local till = tonumber(h.bu) or 0
    if now >= till then
      mode = 2; h.bp, h.bk, h.bf = 0, 0, 0
      put('bs', 2); put('bp', 0); put('bk', 0); put('bf', 0)
    else
      bound(0, till - now, 'breaker_open')
    end
  end
  if mode == 2 then
    local out = tonumber(h.bp) or 0
    if out > 0 and now >= (tonumber(h.bx) or 0) then out = 0; h.bp = 0; put('bp', 0) end
    bound(want, 0, '')
    bound(probes - (tonumber(h.bk) or 0) - (tonumber(h.bf) or 0) - out, 1000, 'breaker_open')
  elseif mode == 3 then
    local since = now - (tonumber(h.br) or now)
    if since >= ramp then
      mode = 0
      put('bs', 0); put('bn', 0)
    else
      local second = math.floor(since / 1000)
      local used = (h.bqs == tostring(second)) and tonumber(h.bq) or 0
      bound(want, 0, '')
      bound(probes * 2 ^ second - used, 1000 - since % 1000, 'breaker_open')
      h.second, h.used = second, used
    end
  end

  local paused = tonumber(h.tp) or 0
  if paused > now then bound(0, paused - now, 'paused') end

  local level, step_level, spent
  if rate > 0 then
    level = bucket(h, '', rate, burst)
    bound(math.floor(level / cost), missing(level, cost) / rate * 1000, 'rate_limited')
  end
  if step_rate > 0 then
    step_level = bucket(h, ':' .. name, step_rate, step_burst)
    bound(math.floor(step_level / cost), missing(step_level, cost) / step_rate * 1000, 'rate_limited')
  end
  local function under_quota(size, field)
    local used = (tonumber(h['qd' .. field]) == day) and tonumber(h['q' .. field]) or 0
    bound(math.floor((size - used) / cost), (day + 1) * 86400000 - now, 'quota')
    return used
  end
  local step_spent
  if quota > 0 then spent = under_quota(quota, '') end
  if step_quota > 0 then step_spent = under_quota(step_quota, ':' .. name) end

  local got_slots = 0
  if cap > 0 then
    local total, mine = 0, 0
    for field, value in pairs(h) do
      if string.sub(field, 1, 2) == 'c:' then
        local owner = string.sub(field, 3)
        if (tonumber(h['x:' .. owner]) or 0) > now then
          total = total + tonumber(value)
          if owner == process then mine = tonumber(value) end
        else
          redis.call('HDEL', key, field, 'x:' .. owner)
        end
      end
    end
    got_slots = math.max(0, math.min(slots, cap - total))
    if got_slots > 0 then put('c:' .. process, mine + got_slots); put('x:' .. process, now + slot_ttl) end
    if got_slots < slots and reason == '' then wait, reason = math.max(wait, 50), 'concurrency' end
  end

  local taken = allowed * cost
  if level then put('tk', tostring(level - taken)); put('ts', now) end
  if step_level then put('tk:' .. name, tostring(step_level - taken)); put('ts:' .. name, now) end
  if spent then put('q', spent + taken); put('qd', day) end
  if step_spent then put('q:' .. name, step_spent + taken); put('qd:' .. name, day) end
  if allowed > 0 and mode == 2 then put('bp', (tonumber(h.bp) or 0) + allowed); put('bx', now + probe_ttl) end
  if allowed > 0 and mode == 3 then put('bq', h.used + allowed); put('bqs', h.second) end
  if #set > 0 then
    redis.call('HSET', key, unpack(set))
    redis.call('PEXPIRE', key, 172800000)
  end
  answers[i] = { mode, allowed, got_slots, wait, reason }
end
return answers
