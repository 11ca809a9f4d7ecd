#include "agent/needs_apply.h"

#include "base/log.h"
#include "kernel/sysctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

enum { LINE_MAX_LEN = 512 };

static unsigned running_kernel(void)
{
	unsigned major = 0, minor = 0;
	struct utsname u;

	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		return NEEDS_KERNEL(255, 0); /* a kernel that is named in another way is a new one */
	return NEEDS_KERNEL(major, minor);
}

static bool is_right(struct needs_found *f)
{
	f->there = kernel_sysctl_read(f->need.key, &f->value);
	if (need_is_filter(&f->need)) {
		bool strict = kernel_rp_filter_strict();

		if (strict)
			f->value = 1;
		return !strict;
	}
	/* A kernel without the feature is as one that has it switched off. */
	return f->there ? f->value == f->need.wanted : f->need.wanted == 0;
}

static bool all_necessary(const struct needs_state *state)
{
	for (size_t i = 0; i < state->count; i++)
		if (!state->list[i].right && state->list[i].need.necessary)
			return false;
	return true;
}

void needs_describe(const struct needs_found *f, struct text *out)
{
	if (f->there)
		text_add(out, "%s is %ld and %s be %ld: %s", f->need.key, f->value,
			f->need.necessary ? "must" : "should", f->need.wanted, f->need.reason);
	else
		text_add(out, "%s is not there and %s be %ld: %s", f->need.key,
			f->need.necessary ? "must" : "should", f->need.wanted, f->need.reason);
	if (f->error == -EROFS)
		text_add(out, "; it cannot be set: /proc/sys is read-only here");
	else if (f->error)
		text_add(out, "; it cannot be set: %s", strerror(-f->error));
}

static void complain(struct needs_found *f)
{
	char line[LINE_MAX_LEN];
	struct text t = text_init(line, sizeof(line));

	if (f->logged)
		return;
	f->logged = true;
	needs_describe(f, &t);
	log_write(f->need.necessary ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s", line);
}

static void mend(const struct config_agent *cfg, struct needs_found *f)
{
	long was = f->value;

	if (cfg->sysctls.set && f->there) {
		f->error = kernel_sysctl_write(f->need.key, f->need.wanted);
		if (!f->error && is_right(f)) {
			log_info("%s was %ld and is set to %ld: %s", f->need.key, was, f->need.wanted,
				f->need.reason);
			f->right = true;
			return;
		}
	}
	complain(f);
}

static void list_all(const struct config_agent *cfg, struct needs_state *state)
{
	struct needs needs;

	needs_of(cfg, running_kernel(), &needs);
	*state = (struct needs_state){ .count = needs.count };
	for (size_t i = 0; i < needs.count; i++)
		state->list[i].need = needs.list[i];
}

bool needs_check(const struct config_agent *cfg, struct needs_state *state)
{
	for (size_t i = 0; i < state->count; i++) {
		struct needs_found *f = &state->list[i];
		long before = f->value;

		f->right = is_right(f);
		/* Another wrong value is news. */
		if (f->right || f->value != before)
			f->logged = false;
		if (!f->right)
			mend(cfg, f);
	}
	return all_necessary(state);
}

bool needs_apply(const struct config_agent *cfg, struct needs_state *state)
{
	list_all(cfg, state);
	return needs_check(cfg, state);
}

static void look_at(const struct config_agent *cfg, struct needs_found *f)
{
	f->right = is_right(f);
	f->may_be_set = cfg->sysctls.set && f->there && kernel_sysctl_writable(f->need.key);
}

bool needs_look(const struct config_agent *cfg, struct needs_state *state)
{
	list_all(cfg, state);
	for (size_t i = 0; i < state->count; i++)
		look_at(cfg, &state->list[i]);
	return all_necessary(state);
}

/* --- what an operator must do --- */

typedef void line_fn(struct text *out, const struct need *n);

static void sysctl_line(struct text *out, const struct need *n)
{
	text_add(out, "    %s = %ld\n", n->key, n->wanted);
}

static void pod_line(struct text *out, const struct need *n)
{
	text_add(out, "        - {name: %s, value: \"%ld\"}\n", n->key, n->wanted);
}

static void kubelet_word(struct text *out, const struct need *n)
{
	bool vs = strncmp(n->key, "net.ipv4.vs.", 12) == 0;

	if (!vs)
		text_add(out, ",%s", n->key);
}

static void command_word(struct text *out, const struct need *n)
{
	text_add(out, " %s=%ld", n->key, n->wanted);
}

static bool is_stuck(const struct needs_found *f)
{
	return !f->right && !f->may_be_set;
}

static void each_stuck(const struct needs_state *state, line_fn *fn, struct text *out)
{
	for (size_t i = 0; i < state->count; i++)
		if (is_stuck(&state->list[i]))
			fn(out, &state->list[i].need);
}

void needs_advice(const struct needs_state *state, struct text *out)
{
	bool some = false;

	for (size_t i = 0; i < state->count; i++)
		some |= is_stuck(&state->list[i]);
	if (!some)
		return;
	text_add(out, "where /proc/sys can be written: \"sysctls: {set: true}\" in the configuration, "
		      "or in this network namespace: sysctl -w");
	each_stuck(state, command_word, out);
	text_add(out, "\non a host, in a file below /etc/sysctl.d:\n");
	each_stuck(state, sysctl_line, out);
	text_add(out, "in Kubernetes, in the pod (ip_vs must have been loaded on its node before):\n"
		      "    spec:\n      securityContext:\n        sysctls:\n");
	each_stuck(state, pod_line, out);
	text_add(out, "  and on its node: kubelet --allowed-unsafe-sysctls=net.ipv4.vs.*");
	each_stuck(state, kubelet_word, out);
	text_add(out, "\n  or instead an init container with securityContext: {privileged: true} that runs: "
		      "sysctl -w");
	each_stuck(state, command_word, out);
	text_add(out, "\n");
}

static struct row *found_row(const struct needs_found *f)
{
	struct row *r = row_new();

	row_text(r, "key", f->need.key);
	if (f->there)
		row_int(r, "value", f->value);
	row_int(r, "wanted", f->need.wanted);
	row_bool(r, "necessary", f->need.necessary);
	row_text(r, "reason", f->need.reason);
	return r;
}

size_t needs_wrong(const struct needs_state *state, struct row *r)
{
	struct row *list = NULL;
	size_t count = 0;

	for (size_t i = 0; i < state->count; i++) {
		if (state->list[i].right)
			continue;
		count++;
		if (r && !list)
			list = row_new_list();
		if (list)
			row_append(list, found_row(&state->list[i]));
	}
	if (list)
		row_put(r, "sysctls", list);
	return count;
}
