#include "route/weights.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
	CHANGE_PERCENT = 10,
	/* A weight below it cannot move by 10 %. */
	COARSE = 100 / CHANGE_PERCENT,
};

void route_weights_fini(struct route_weights *w)
{
	free(w->held);
	w->held = NULL;
	w->count = 0;
}

/* --- load balancers --- */

static int balancer_cmp(const void *a, const void *b)
{
	const struct route_balancer *x = a, *y = b;
	int c = ip_addr_cmp(&x->next_hop, &y->next_hop);

	if (c)
		return c;
	return x->originator_id < y->originator_id ? -1 : x->originator_id > y->originator_id;
}

static bool says_bandwidth(const struct route_balancer *b)
{
	return b->bandwidth >= 0;
}

static bool drains(const struct route_balancer *b)
{
	return says_bandwidth(b) && !(b->bandwidth > 0);
}

static bool carries(const struct route_balancer *b)
{
	return b->bandwidth > 0;
}

size_t route_balancers_merge(struct route_balancer *list, size_t count)
{
	size_t n = 0;

	if (count)
		qsort(list, count, sizeof(*list), balancer_cmp);
	for (size_t i = 0; i < count; i++) {
		if (n == 0 || balancer_cmp(&list[i], &list[n - 1]) != 0)
			list[n++] = list[i];
		else if (says_bandwidth(&list[i]) &&
			 (!says_bandwidth(&list[n - 1]) || list[i].bandwidth < list[n - 1].bandwidth))
			list[n - 1].bandwidth = list[i].bandwidth;
	}
	return n;
}

bool route_balancers_weighted(const struct route_balancer *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (says_bandwidth(&list[i]))
			return true;
	return false;
}

/* --- what is in effect --- */

static bool differs(const struct route_balancer *held, const struct route_balancer *now)
{
	double change = (double)now->bandwidth - (double)held->bandwidth;

	if (!carries(held) || !carries(now))
		return says_bandwidth(held) != says_bandwidth(now) || drains(held) != drains(now);
	if (change < 0)
		change = -change;
	return change * 100 >= (double)held->bandwidth * CHANGE_PERCENT;
}

static const struct route_balancer *find_held(const struct route_weights *w, const struct route_balancer *b)
{
	return w->held ? bsearch(b, w->held, w->count, sizeof(*b), balancer_cmp) : NULL;
}

uint64_t route_weights_update(
	struct route_weights *w, const struct route_balancer *list, size_t count, uint64_t now_ms)
{
	struct route_balancer *next = mem_alloc((count + 1) * sizeof(*next));
	uint64_t due_ms = w->moved_ms + ROUTE_WEIGHT_INTERVAL_MS;
	bool may_move = !w->held || now_ms >= due_ms, moved = !w->held, waits = false;

	for (size_t i = 0; i < count; i++) {
		const struct route_balancer *held = find_held(w, &list[i]);
		bool changed = held && differs(held, &list[i]);
		bool at_once = !held || may_move || drains(&list[i]);

		next[i] = held && !(changed && at_once) ? *held : list[i];
		moved |= changed && at_once;
		waits |= changed && !at_once;
	}
	free(w->held);
	w->held = next;
	w->count = count;
	if (moved)
		w->moved_ms = now_ms;
	return waits ? w->moved_ms + ROUTE_WEIGHT_INTERVAL_MS - now_ms : 0;
}

/* --- shares --- */

static int bandwidth_cmp(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

/* Of those that carry; 0 when nobody does. */
static double median(const struct route_weights *w)
{
	float *value = mem_alloc((w->count + 1) * sizeof(*value));
	size_t n = 0;
	double m = 0;

	for (size_t i = 0; i < w->count; i++)
		if (carries(&w->held[i]))
			value[n++] = w->held[i].bandwidth;
	qsort(value, n, sizeof(*value), bandwidth_cmp);
	if (n)
		m = ((double)value[(n - 1) / 2] + (double)value[n / 2]) / 2;
	free(value);
	return m;
}

static bool all_drain(const struct route_weights *w)
{
	for (size_t i = 0; i < w->count; i++)
		if (!drains(&w->held[i]))
			return false;
	return true;
}

/* A next hop and what all behind it carry, 0: it drains. */
struct share {
	struct ip_addr addr;
	double value;
};

struct shares {
	struct share *item;
	size_t count;
	double smallest, largest; /* of those that do not drain; 0: all do */
};

static void measure(struct shares *s)
{
	for (size_t i = 0; i < s->count; i++) {
		double v = s->item[i].value;

		if (v > s->largest)
			s->largest = v;
		if (v > 0 && (!(s->smallest > 0) || v < s->smallest))
			s->smallest = v;
	}
}

/* otherwise: the value of who says nothing. */
static struct shares add_up(const struct route_weights *w, double otherwise, size_t max)
{
	struct shares s = { .item = mem_alloc((w->count + 1) * sizeof(*s.item)) };
	bool equal = all_drain(w);

	for (size_t i = 0; i < w->count; i++) {
		const struct route_balancer *b = &w->held[i];
		double value = equal ? 1 : says_bandwidth(b) ? (double)b->bandwidth : otherwise;

		if (s.count && ip_addr_equal(&s.item[s.count - 1].addr, &b->next_hop)) {
			s.item[s.count - 1].value += value;
			continue;
		}
		if (s.count == max)
			break;
		s.item[s.count++] = (struct share){ b->next_hop, value };
	}
	measure(&s);
	return s;
}

static double double_while_over(double unit, double largest)
{
	while (largest / unit > ROUTE_WEIGHT_MAX)
		unit *= 2;
	return unit;
}

static double smallest_unit(double largest)
{
	double unit = double_while_over(1, largest);

	while (largest / (unit / 2) <= ROUTE_WEIGHT_MAX)
		unit /= 2;
	return unit;
}

static double choose_unit(struct route_weights *w, double configured, double largest)
{
	if (configured > 0)
		return double_while_over(configured, largest);
	if (!(w->unit > 0) || largest / w->unit > ROUTE_WEIGHT_MAX || largest / w->unit < COARSE)
		w->unit = smallest_unit(largest);
	return w->unit;
}

/* What the shares are divided by, so that beside who drains the others are heavy enough. */
static double beside_drain(const struct shares *s, double unit)
{
	double wanted = s->smallest / ROUTE_WEIGHT_BESIDE_DRAIN, least = s->largest / ROUTE_WEIGHT_MAX;
	bool drain = false;

	for (size_t i = 0; i < s->count; i++)
		drain |= !(s->item[i].value > 0);
	if (!drain || !(s->largest > 0) || wanted >= unit)
		return unit;
	return wanted > least ? wanted : least;
}

static uint16_t weight_of(double value, double unit)
{
	double weight = value / unit + 0.5;

	return weight < 1 ? 1 : weight > ROUTE_WEIGHT_MAX ? ROUTE_WEIGHT_MAX : (uint16_t)weight;
}

static uint16_t common_divisor(uint16_t a, uint16_t b)
{
	while (b) {
		uint16_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Equal load balancers weigh 1 each, not 238: the same shares, but people read them. */
static void reduce(struct route_next_hop *nh, size_t count)
{
	uint16_t divisor = 0;

	for (size_t i = 0; i < count; i++)
		divisor = common_divisor(nh[i].weight, divisor);
	for (size_t i = 0; i < count; i++)
		nh[i].weight /= divisor;
}

size_t route_weights_next_hops(struct route_weights *w, double unit, struct route_next_hop *out, size_t max)
{
	bool automatic = !(unit > 0);
	double otherwise = median(w);
	bool by_bandwidth = otherwise > 0;
	struct shares s = add_up(w, by_bandwidth ? otherwise : 1, max);
	size_t count = s.count;

	if (by_bandwidth && s.largest > 0)
		unit = choose_unit(w, unit, s.largest);
	else
		unit = double_while_over(1, s.largest);
	unit = beside_drain(&s, unit);
	for (size_t i = 0; i < count; i++)
		out[i] = (struct route_next_hop){ s.item[i].addr, weight_of(s.item[i].value, unit) };
	if (automatic)
		reduce(out, count);
	free(s.item);
	return count;
}

size_t route_balancers_next_hops(
	const struct route_balancer *list, size_t count, struct route_next_hop *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (n && ip_addr_equal(&out[n - 1].addr, &list[i].next_hop)) {
			out[n - 1].weight += out[n - 1].weight < ROUTE_WEIGHT_MAX;
			continue;
		}
		if (n == max)
			break;
		out[n++] = (struct route_next_hop){ list[i].next_hop, 1 };
	}
	return n;
}
