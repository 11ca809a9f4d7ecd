/*
 * Before the first packet: what is missing around the services for them to work, each in words, with what to do about it.
 *
 * preflight_judge is pure: the configuration against what was found of the world. The same judgement serves
 * `lb-ipvs-agent --check` (all of it, on standard output) and the start, which refuses to run half-working: a problem ends it, what may
 * still come (a route, an address that lb-announcer makes its own) is only told.
 */
#pragma once

#include "agent/needs_apply.h"
#include "config/agent.h"
#include "kernel/local_route.h"
#include "kernel/module.h"

#include <stdbool.h>
#include <stddef.h>

enum preflight_grade {
	PREFLIGHT_PROBLEM, /* it cannot work */
	PREFLIGHT_NOT_YET, /* it does not work as things are now */
	PREFLIGHT_NOTE	   /* it works, and could be better or is worth knowing */
};

enum { PREFLIGHT_MAX = 64, PREFLIGHT_TEXT_MAX = 400 };

struct preflight_finding {
	enum preflight_grade grade;
	char what[PREFLIGHT_TEXT_MAX], todo[PREFLIGHT_TEXT_MAX]; /* todo may be "" */
};

struct preflight {
	struct preflight_finding list[PREFLIGHT_MAX];
	size_t count, left_out; /* more than fit */
};

/* What is found of the world; functions, so that a test can be one. */
struct preflight_world {
	bool net_admin;		/* the capability is in effect */
	bool net_raw;		/* so is this one, which iptables needs */
	bool iptables_lock;	/* iptables-legacy can open its lock file */
	bool first_user_space;	/* and counts for IPVS: this is the initial user namespace */
	const char *ipvs_error; /* what IPVS said when it was spoken to; NULL: it answered */
	enum kernel_module (*module)(const char *name);
	void (*way)(const struct ip_addr *to, struct local_route_way *out);
	bool (*program)(const char *name); /* in the places where iptables is looked for */
	bool (*directory)(const char *path);
};

/* ipvs_error: see above, must outlive out. */
void preflight_look(const char *ipvs_error, struct preflight_world *out);
/* settings: what needs_look() or needs_apply() found; NULL leaves them out. */
void preflight_judge(const struct config_agent *cfg, const struct preflight_world *w,
	const struct needs_state *settings, struct preflight *out);
bool preflight_has(const struct preflight *p, enum preflight_grade grade);

/* At start, when IPVS has answered and settings are seen to: logs, and says whether to go on. */
bool preflight_start(const struct config_agent *cfg);
/* The same of another configuration for a running agent, without the log. False with the first problem in *out. */
bool preflight_again(const struct config_agent *cfg, struct preflight_finding *out);
/* lb-ipvs-agent --check: speaks to IPVS, prints all findings; the exit status. */
int preflight_main(const struct config_agent *cfg, const char *path);
