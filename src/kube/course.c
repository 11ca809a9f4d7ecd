#include "kube/course.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { WAITS_MAX = 16, LIMIT_CUT = 4, RETRY_AFTER_MORE_PERCENT = 25 };

/* What follows a happening: now, after a wait that grows, or now unless there were failures before. */
enum pace { NOT_HERE, STAY, NOW, LATER, SOON };

struct cell {
	enum pace pace;
	enum kube_state next; /* where it asks; the _LATER state where it waits first follows from it */
};

/* What cannot happen in a state is left out: it is ignored. */
static const struct cell table[KUBE_STATES][KUBE_HAPPENINGS] = {
	[KUBE_LIST] = {
		[KUBE_PAGE_CAME] = { NOW, KUBE_LIST },
		[KUBE_LISTED] = { NOW, KUBE_WATCH },
		[KUBE_GONE] = { SOON, KUBE_LIST },
		[KUBE_FAILED] = { LATER, KUBE_LIST },
		[KUBE_BROKEN] = { LATER, KUBE_LIST },
		[KUBE_TOO_MUCH] = { NOW, KUBE_LIST },
		[KUBE_NEW_TOKEN] = { NOW, KUBE_LIST },
	},
	[KUBE_LIST_LATER] = {
		[KUBE_DUE] = { NOW, KUBE_LIST },
	},
	[KUBE_WATCH] = {
		[KUBE_TOLD] = { STAY, KUBE_WATCH },
		[KUBE_ENDED] = { SOON, KUBE_WATCH },
		[KUBE_SILENT] = { NOW, KUBE_WATCH },
		[KUBE_GONE] = { SOON, KUBE_LIST },
		[KUBE_FAILED] = { LATER, KUBE_WATCH },
		[KUBE_BROKEN] = { LATER, KUBE_LIST },
		[KUBE_NEW_TOKEN] = { NOW, KUBE_WATCH },
	},
	[KUBE_WATCH_LATER] = {
		[KUBE_DUE] = { NOW, KUBE_WATCH },
	},
};

/* xorshift64* (Marsaglia): for waits, not for secrets. */
static uint32_t chance(struct kube_course *c)
{
	c->chance ^= c->chance >> 12;
	c->chance ^= c->chance << 25;
	c->chance ^= c->chance >> 27;
	return (uint32_t)(c->chance * UINT64_C(2685821657736338717) >> 32);
}

/* 0..most, evenly. */
static uint64_t up_to(struct kube_course *c, uint64_t most)
{
	return most * chance(c) / UINT32_MAX;
}

void kube_course_init(struct kube_course *c, uint64_t seed, uint64_t now_us)
{
	*c = (struct kube_course){ .state = KUBE_LIST,
		.limit = KUBE_PAGE_SLICES,
		.asked_us = now_us,
		.chance = seed ? seed : 1,
		.first_page = true };
}

static void forget_failures(struct kube_course *c, enum kube_happening h, uint64_t now_us)
{
	if ((h == KUBE_TOLD && c->moved) ||
		(c->state == KUBE_WATCH && now_us >= c->asked_us + KUBE_STEADY_US))
		c->failures = 0;
}

static uint64_t back_off_us(struct kube_course *c)
{
	unsigned doublings = c->failures < WAITS_MAX ? c->failures - 1 : WAITS_MAX;
	uint64_t ms = UINT64_C(1) * KUBE_WAIT_MIN_MS << doublings;

	if (ms > KUBE_WAIT_MAX_MS)
		ms = KUBE_WAIT_MAX_MS;
	return (ms - up_to(c, ms / 2)) * 1000;
}

/* Not before the server wants us, and not all at that moment. */
static uint64_t wait_of(struct kube_course *c, uint64_t retry_after_s)
{
	uint64_t us = back_off_us(c), asked_for_us;

	if (retry_after_s > KUBE_RETRY_AFTER_MAX_S)
		retry_after_s = KUBE_RETRY_AFTER_MAX_S;
	asked_for_us = retry_after_s * 1000000;
	asked_for_us += up_to(c, asked_for_us * RETRY_AFTER_MORE_PERCENT / 100);
	return us > asked_for_us ? us : asked_for_us;
}

static void ask(struct kube_course *c, enum kube_state next, enum kube_happening h, uint64_t now_us)
{
	c->state = next;
	c->asked_us = now_us;
	if (next != KUBE_LIST)
		return;
	c->first_page = h != KUBE_PAGE_CAME && !(h == KUBE_NEW_TOKEN && !c->first_page);
	if (c->first_page)
		c->more[0] = '\0';
}

/* A list of which one slice is too large cannot be had. */
static enum kube_happening cut_limit(struct kube_course *c, enum kube_happening h)
{
	if (h != KUBE_TOO_MUCH)
		return h;
	if (c->limit == 1)
		return KUBE_BROKEN;
	c->limit = c->limit > LIMIT_CUT ? c->limit / LIMIT_CUT : 1;
	return h;
}

enum kube_todo kube_course_step(struct kube_course *c, enum kube_happening h, uint64_t retry_after_s,
	uint64_t now_us, uint64_t *wait_us)
{
	struct cell cell;
	bool wait;

	h = cut_limit(c, h);
	cell = table[c->state][h];
	if (cell.pace == NOT_HERE)
		return KUBE_GO_ON;
	forget_failures(c, h, now_us);
	c->lists += h == KUBE_LISTED;
	if (cell.pace == STAY)
		return KUBE_GO_ON;
	if (c->state == KUBE_WATCH && h == KUBE_FAILED && c->failures + 1 >= KUBE_WATCH_TRIES)
		cell.next = KUBE_LIST;
	wait = cell.pace == LATER || (cell.pace == SOON && (c->failures || retry_after_s));
	/* An end in order after a while was no failure. */
	if (cell.pace == LATER || h == KUBE_GONE ||
		(h == KUBE_ENDED && now_us < c->asked_us + KUBE_STEADY_US))
		c->failures++;
	if (!wait || !c->failures) {
		ask(c, cell.next, h, now_us);
		return KUBE_ASK;
	}
	c->state = cell.next == KUBE_LIST ? KUBE_LIST_LATER : KUBE_WATCH_LATER;
	*wait_us = wait_of(c, retry_after_s);
	return KUBE_WAIT;
}

void kube_course_known(struct kube_course *c, const char *version, const char *more)
{
	c->moved = strcmp(c->version, version) != 0;
	snprintf(c->version, sizeof(c->version), "%s", version);
	snprintf(c->more, sizeof(c->more), "%s", more ? more : "");
}

/* --- the target --- */

static bool is_plain(char ch)
{
	return (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') ||
	       (ch && strchr("-._~", ch));
}

/* RFC 3986, 2.1. */
static void add_escaped(struct text *t, const char *value)
{
	for (; *value; value++)
		text_add(t, is_plain(*value) ? "%c" : "%%%02X", (unsigned char)*value);
}

const char *kube_course_path(
	struct kube_course *c, const char *space, const char *service, uint32_t watch_s, char *buf)
{
	struct text t = text_init(buf, KUBE_PATH_MAX);

	text_add(&t, "/apis/discovery.k8s.io/v1/namespaces/");
	add_escaped(&t, space);
	text_add(&t, "/endpointslices?labelSelector=kubernetes.io%%2Fservice-name%%3D");
	add_escaped(&t, service);
	if (c->state == KUBE_WATCH) {
		text_add(&t, "&watch=1&allowWatchBookmarks=true&timeoutSeconds=%llu&resourceVersion=",
			(unsigned long long)watch_s + up_to(c, watch_s));
		add_escaped(&t, c->version);
	} else {
		text_add(&t, "&limit=%u", c->limit);
		if (c->more[0]) {
			text_add(&t, "&continue=");
			add_escaped(&t, c->more);
		}
	}
	assert(!text_cut(&t));
	return buf;
}

const char *kube_state_text(enum kube_state s)
{
	static const char *const text[KUBE_STATES] = { "listing", "waiting to list", "watching",
		"waiting to watch" };

	return text[s];
}
