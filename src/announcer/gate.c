#include "announcer/gate.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum verdict { NOT_WELL, NOBODY_KNOWS, WELL };

void gate_init(struct gate *g, uint64_t now_ms)
{
	*g = (struct gate){ .since_ms = now_ms, .next_ms = UINT64_MAX };
}

static void because(struct gate *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void because(struct gate *g, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(g->why, sizeof(g->why), fmt, ap);
	va_end(ap);
}

/* --- the verdict --- */

uint64_t gate_needed(const struct config_need *n, uint64_t servers)
{
	uint64_t share = (servers * n->number + 99) / 100;

	if (!n->percent)
		return n->number;
	return share ? share : 1;
}

/* Once withdrawn it takes both to return: one may be a number and the other a share. */
static uint64_t needed(const struct gate *g, const struct gate_policy *p, uint64_t servers)
{
	uint64_t stay = gate_needed(&p->need, servers), back = gate_needed(&p->need_return, servers);

	return g->state == GATE_CLOSED && g->was_open && back > stay ? back : stay;
}

const struct gate_word *gate_worst(const struct gate_facts *f)
{
	const struct gate_word *worst = NULL;

	for (size_t i = 0; i < f->word_count; i++) {
		const struct gate_word *w = &f->words[i];

		if (!worst || w->known < worst->known ||
			(w->known == worst->known &&
				(uint64_t)w->healthy * (worst->servers + UINT64_C(1)) <
					(uint64_t)worst->healthy * (w->servers + UINT64_C(1))))
			worst = w;
	}
	return worst;
}

static enum verdict count_servers(struct gate *g, const struct gate_policy *p, const struct gate_facts *f)
{
	const struct gate_word *worst = gate_worst(f), *unknown = NULL;

	for (size_t i = 0; i < f->word_count; i++) {
		const struct gate_word *w = &f->words[i];
		uint64_t wanted = needed(g, p, w->servers);

		if (!w->known) {
			unknown = w;
		} else if (w->healthy < wanted) {
			because(g, "%.64s: %u of %u servers healthy, %llu needed", w->name, w->healthy,
				w->servers, (unsigned long long)wanted);
			return NOT_WELL;
		}
	}
	if (unknown) {
		because(g, "%.64s: lb-ipvs-agent does not know its servers yet", unknown->name);
		return NOBODY_KNOWS;
	}
	assert(worst);
	because(g, "%.64s: %u of %u servers healthy", worst->name, worst->healthy, worst->servers);
	return WELL;
}

static enum verdict judge(struct gate *g, const struct gate_policy *p, const struct gate_facts *f)
{
	if (f->held_back) {
		because(g, "%s", f->held_back);
		return NOT_WELL;
	}
	if (!p->bound) {
		because(g, "bound to no condition that fails");
		return WELL;
	}
	if (!f->heard) {
		because(g, "%s", f->away);
		return NOBODY_KNOWS;
	}
	if (f->missing) {
		because(g, "lb-ipvs-agent has no service \"%.64s\"", f->missing);
		return NOT_WELL;
	}
	if (!f->word_count) {
		because(g, "lb-ipvs-agent has no service in this prefix");
		return NOT_WELL;
	}
	return count_servers(g, p, f);
}

/* --- states --- */

static bool enter(struct gate *g, enum gate_state state, uint64_t now_ms)
{
	bool changed = g->state != state;

	if (changed) {
		g->since_ms = now_ms;
		g->changes++;
	}
	g->state = state;
	g->well_since_ms = 0;
	g->was_open |= state == GATE_OPEN;
	return changed;
}

static bool over(struct gate *g, uint64_t due_ms, uint64_t now_ms)
{
	if (now_ms >= due_ms)
		return true;
	if (due_ms < g->next_ms)
		g->next_ms = due_ms;
	return false;
}

static bool open_again(struct gate *g, const struct gate_policy *p, uint64_t now_ms)
{
	if (g->was_open) {
		if (!g->well_since_ms)
			g->well_since_ms = now_ms;
		if (!over(g, g->well_since_ms + p->return_delay_ms, now_ms))
			return false;
	}
	return enter(g, GATE_OPEN, now_ms);
}

/* The agent's rules will go: whoever is connected is given the time there is. */
static bool leave(struct gate *g, const struct gate_policy *p, const struct gate_facts *f, uint64_t now_ms)
{
	bool changed = false;

	because(g, "lb-ipvs-agent has been told to end");
	g->until_ms = f->leaving_until_ms;
	if (g->state == GATE_OPEN) {
		if (!p->drains || !f->active)
			return enter(g, GATE_CLOSED, now_ms);
		changed = enter(g, GATE_DRAINING, now_ms);
		g->quiet = quiet_since(now_ms, f->report);
	}
	if (over(g, g->until_ms, now_ms) || quiet_look(&g->quiet, f->report, f->active, now_ms))
		return enter(g, GATE_CLOSED, now_ms);
	return changed;
}

static bool wait_for_word(struct gate *g, const struct gate_policy *p, uint64_t now_ms)
{
	if (!g->unknown_since_ms)
		g->unknown_since_ms = now_ms;
	if (over(g, g->unknown_since_ms + p->grace_ms, now_ms) ||
		(g->state == GATE_DRAINING && over(g, g->until_ms, now_ms)))
		return enter(g, GATE_CLOSED, now_ms);
	return false;
}

bool gate_step(struct gate *g, const struct gate_policy *p, const struct gate_facts *f, uint64_t now_ms)
{
	enum verdict v = judge(g, p, f);

	g->next_ms = UINT64_MAX;
	if (v != NOBODY_KNOWS)
		g->unknown_since_ms = 0;
	if (v == WELL && g->state == GATE_CLOSED && !f->leaving)
		return open_again(g, p, now_ms);
	g->well_since_ms = 0;
	if (g->state == GATE_CLOSED) {
		if (v == WELL)
			because(g, "lb-ipvs-agent has been told to end");
		return false;
	}
	if (v == NOT_WELL)
		return enter(g, GATE_CLOSED, now_ms);
	if (v == NOBODY_KNOWS)
		return wait_for_word(g, p, now_ms);
	return f->leaving ? leave(g, p, f, now_ms) : enter(g, GATE_OPEN, now_ms);
}
