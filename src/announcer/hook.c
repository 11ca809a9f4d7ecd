#include "announcer/hook.h"

#include <assert.h>

void hook_init(struct hook *h, uint64_t retry_ms, uint64_t retry_max_ms)
{
	*h = (struct hook){ .retry_ms = retry_ms, .retry_max_ms = retry_max_ms };
}

bool hook_want(struct hook *h, enum hook_state state, uint64_t now_ms)
{
	if (h->wanted == state)
		return false;
	h->wanted = state;
	h->failures = 0;
	h->due_ms = now_ms;
	return true;
}

void hook_hurry(struct hook *h, uint64_t now_ms)
{
	h->failures = 0;
	if (h->due_ms > now_ms)
		h->due_ms = now_ms;
}

void hook_forget(struct hook *h, uint64_t now_ms)
{
	h->told = HOOK_UNKNOWN;
	h->forgotten = true;
	hook_hurry(h, now_ms);
}

bool hook_settled(const struct hook *h)
{
	return !h->running && h->told == h->wanted;
}

enum hook_state hook_next(const struct hook *h, uint64_t now_ms)
{
	return h->running || h->told == h->wanted || now_ms < h->due_ms ? HOOK_UNKNOWN : h->wanted;
}

void hook_started(struct hook *h)
{
	assert(!h->running && h->wanted);
	h->running = h->wanted;
	h->told = HOOK_UNKNOWN;
	h->forgotten = false;
	h->runs++;
}

static uint64_t back_off_ms(const struct hook *h)
{
	uint64_t wait_ms = h->retry_ms;

	for (unsigned i = 1; i < h->failures && wait_ms < h->retry_max_ms; i++)
		wait_ms *= 2;
	return wait_ms < h->retry_max_ms ? wait_ms : h->retry_max_ms;
}

void hook_ended(struct hook *h, bool well, uint64_t now_ms)
{
	enum hook_state ran = h->running;

	assert(ran);
	h->running = HOOK_UNKNOWN;
	h->due_ms = now_ms;
	if (well) {
		h->told = h->forgotten ? HOOK_UNKNOWN : ran;
		h->failures = 0;
		return;
	}
	h->failed++;
	if (ran != h->wanted)
		return;
	h->failures++;
	h->due_ms = now_ms + back_off_ms(h);
}

int64_t hook_wait_ms(const struct hook *h, uint64_t now_ms)
{
	if (h->running || h->told == h->wanted)
		return -1;
	return h->due_ms > now_ms ? (int64_t)(h->due_ms - now_ms) : 0;
}
