#include "agent/real_server.h"

#include "base/mem.h"
#include "base/text.h"
#include "kernel/netlink.h"
#include "kernel/real_server.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STATE_FILE RUNSTATEDIR "/rrd/real-server"

enum { LINE_ROOM = 512, GUE_PORT = 6080, MTU_MIN = 576, EXIT_USAGE = 2, DIRECTORY_MODE = 0755 };

enum action { PREPARE, CHECK, REMOVE, HELP };

struct job {
	struct real_server_wish wish;
	enum action action;
	const char *state; /* the file of steps that were carried out, one a line */
	struct netlink *nl;
};

static int complain(const char *what)
{
	fprintf(stderr, "lb-ipvs-agent --real-server: %s\n", what);
	return EXIT_FAILURE;
}

/* --- the file --- */

/* Makes the directory if that alone is missing. */
static FILE *open_state(const char *path)
{
	FILE *f = fopen(path, "ae");
	char *dir, *slash;

	if (f || errno != ENOENT)
		return f;
	dir = mem_strdup(path);
	slash = strrchr(dir, '/');
	if (slash) {
		*slash = 0;
		mkdir(dir, DIRECTORY_MODE);
	}
	free(dir);
	return fopen(path, "ae");
}

static bool remember(const struct job *j, const struct real_server_step *s)
{
	char line[LINE_ROOM];
	struct text t = text_init(line, sizeof(line));
	FILE *f = open_state(j->state);
	bool good;

	if (!f)
		return false;
	real_server_step_write(s, &t);
	good = fprintf(f, "%s\n", line) > 0;
	return fclose(f) == 0 && good;
}

struct made {
	struct real_server_step *steps;
	size_t count;
};

/* False, with errno, unless it was read; a line that is not ours is an error too. */
static bool read_made(const char *path, struct made *out)
{
	FILE *f = fopen(path, "re");
	char line[LINE_ROOM];
	bool good = true;

	*out = (struct made){ .count = 0 };
	while (f && good && fgets(line, sizeof(line), f)) {
		out->steps = mem_realloc(out->steps, (out->count + 1) * sizeof(*out->steps));
		good = real_server_step_read(line, &out->steps[out->count]);
		out->count += good;
	}
	if (!good)
		errno = EINVAL;
	if (f)
		fclose(f);
	return f && good;
}

/* What is left of it; nothing left, no file. */
static bool write_made(const char *path, const struct made *m)
{
	char line[LINE_ROOM];
	FILE *f;

	if (!m->count)
		return remove(path) == 0;
	f = fopen(path, "we");
	for (size_t i = 0; f && i < m->count; i++) {
		struct text t = text_init(line, sizeof(line));

		real_server_step_write(&m->steps[i], &t);
		fprintf(f, "%s\n", line);
	}
	return f && fclose(f) == 0;
}

/* --- prepare and check --- */

static void say(const char *before, const struct real_server_step *s)
{
	char line[LINE_ROOM];
	struct text t = text_init(line, sizeof(line));

	real_server_step_format(s, &t);
	printf("%s%s%s%s\n", before, line, s->why ? ": " : "", s->why ? s->why : "");
}

static void say_learned(const struct real_server_plan *p)
{
	char prefix[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < p->learned_count; i++)
		printf("note: the route to %s comes from router advertisements and cannot hold an advmss: "
		       "large packets depend on \"packet too big\" messages reaching the clients\n",
			prefix_format(&p->learned[i]->to, prefix));
}

/* A device that is still to come has no settings that a pod's description could name. */
static void say_sysctl(const struct real_server_step *s)
{
	const char *name = strstr(s->key, ".rp_filter") ? "net.ipv4.conf.all.rp_filter" : s->key;

	fprintf(stderr,
		"  in the pod's spec: securityContext: sysctls: [{name: %s, value: \"%ld\"}], and on its "
		"node: kubelet --allowed-unsafe-sysctls=%s; or run this in a privileged init container\n",
		name, s->value, name);
}

/* False when it failed; then it has been told. */
static bool carry_out(const struct job *j, struct real_server_step *s)
{
	char err[LINE_ROOM];
	int result = real_server_do(j->nl, s, err, sizeof(err));

	if (result < 0) {
		complain(err);
		if (s->op == REAL_SERVER_SYSCTL)
			say_sysctl(s);
		return false;
	}
	if (result > 0)
		return true;
	say("", s);
	if (!remember(j, s)) {
		snprintf(err, sizeof(err), "%s: cannot be written, so --remove will not know of this: %s",
			j->state, strerror(errno));
		complain(err);
	}
	return true;
}

/* An address that is taken while something else is wrong would draw traffic that is lost. */
static bool carry_out_all(const struct job *j, struct real_server_plan *p)
{
	bool good = true;

	for (size_t i = 0; i < p->count; i++) {
		struct real_server_step *s = &p->steps[i];

		if (good || s->op != REAL_SERVER_ADDRESS)
			good = carry_out(j, s) && good;
		else
			say("left out, since something failed: ", s);
	}
	return good;
}

/* The number of steps that are missing, or -1 after words. */
static int look(const struct job *j, struct real_server_found *f, struct real_server_plan *p)
{
	char err[LINE_ROOM];

	if (real_server_look(j->nl, &j->wish, f, err, sizeof(err)) < 0) {
		complain(err);
		real_server_found_fini(f);
		return -1;
	}
	real_server_plan(&j->wish, f, p);
	return (int)p->count;
}

static int check(const struct job *j)
{
	struct real_server_found f;
	struct real_server_plan p;
	int missing = look(j, &f, &p);

	if (missing < 0)
		return EXIT_FAILURE;
	for (size_t i = 0; i < p.count; i++)
		say("missing: ", &p.steps[i]);
	say_learned(&p);
	real_server_plan_fini(&p);
	real_server_found_fini(&f);
	if (!missing)
		printf("prepared for %s\n", j->wish.mode == REAL_SERVER_TUN ? "tun" : "dr");
	return missing ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int prepare(const struct job *j)
{
	struct real_server_found f;
	struct real_server_plan p;
	bool good;

	if (look(j, &f, &p) < 0)
		return EXIT_FAILURE;
	good = carry_out_all(j, &p);
	real_server_plan_fini(&p);
	real_server_found_fini(&f);
	/* The same plan again: what was done must have had its effect. */
	return good ? check(j) : EXIT_FAILURE;
}

/* --- remove --- */

static bool is_asked_for(const struct real_server_wish *w, const struct real_server_step *s)
{
	struct ip_addr a = prefix_addr(&s->prefix);

	for (size_t i = 0; i < w->count; i++)
		if (ip_addr_equal(&w->addrs[i], &a))
			return true;
	return w->count == 0;
}

/* Whether addresses of ours stay that are not asked to go: then all that serves them stays too. */
static bool some_stay(const struct job *j, const struct made *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->steps[i].op == REAL_SERVER_ADDRESS && !is_asked_for(&j->wish, &m->steps[i]))
			return true;
	return false;
}

static bool undo(const struct job *j, const struct real_server_step *s)
{
	char err[LINE_ROOM];

	if (real_server_undo(j->nl, s, err, sizeof(err)) == 0) {
		say("undone: ", s);
		return true;
	}
	complain(err);
	return false;
}

static bool undo_made(const struct job *j, struct made *m)
{
	bool stay = some_stay(j, m), good = true;
	struct made left = { .steps = mem_calloc(m->count, sizeof(*m->steps)) };

	/* The last first; what is left keeps its order. */
	for (size_t i = m->count; i > 0; i--) {
		const struct real_server_step *s = &m->steps[i - 1];
		bool goes = s->op == REAL_SERVER_ADDRESS ? is_asked_for(&j->wish, s) : !stay;

		if (goes && undo(j, s))
			continue;
		good &= !goes;
		memmove(left.steps + 1, left.steps, left.count * sizeof(*left.steps));
		left.steps[0] = *s;
		left.count++;
	}
	free(m->steps);
	*m = left;
	return good;
}

static int remove_all(const struct job *j)
{
	char line[LINE_ROOM];
	struct made m;
	bool good;

	if (!read_made(j->state, &m)) {
		free(m.steps);
		if (errno == ENOENT) {
			printf("nothing was made here (there is no %s)\n", j->state);
			return EXIT_SUCCESS;
		}
		snprintf(line, sizeof(line), "%s: %s", j->state,
			errno == EINVAL ? "is not a list of what was made here" : strerror(errno));
		return complain(line);
	}
	good = m.count == 0 || undo_made(j, &m);
	if (!write_made(j->state, &m)) {
		snprintf(line, sizeof(line), "%s: %s", j->state, strerror(errno));
		good = complain(line) == EXIT_SUCCESS;
	}
	free(m.steps);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- the command line --- */

static const char help[] =
	"lb-ipvs-agent --real-server [OPTION]... ADDRESS...\n"
	"Prepares this network namespace to serve ADDRESS behind load balancers that forward by TUN or DR.\n"
	"  --mode tun|dr           how they forward (tun)\n"
	"  --tunnel ipip|gue|gre   kind of outer header (ipip)\n"
	"  --gue-port PORT         where GUE packets come in (6080)\n"
	"  --over ipv4|ipv6        family of the outer header (the address's)\n"
	"  --mtu OCTETS            of the way from the load balancers (that of the interfaces)\n"
	"  --state FILE            remembers what was made (" STATE_FILE ")\n"
	"  --check                 only tells what is missing; exit status 1 if anything is\n"
	"  --remove                takes away what was made here, of these addresses or of all\n";

static bool word(const char *text, const char *const *words, unsigned *out)
{
	for (unsigned i = 0; words[i]; i++)
		if (strcmp(text, words[i]) == 0) {
			*out = i;
			return true;
		}
	return false;
}

static bool number(const char *text, long min, long max, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(text, &end, 10);
	return !errno && end != text && !*end && *out >= min && *out <= max;
}

static bool take_option(struct job *j, int option, const char *value)
{
	static const char *const modes[] = { "tun", "dr", NULL };
	static const char *const tunnels[] = { "ipip", "gue", "gre", NULL };
	static const char *const families[] = { "ipv4", "ipv6", NULL };
	bool good = true;
	unsigned which = 0;
	long n = 0;

	switch (option) {
	case 'm':
		good = word(value, modes, &which);
		j->wish.mode = which;
		break;
	case 't':
		good = word(value, tunnels, &which);
		j->wish.tunnel = which;
		break;
	case 'p':
		good = number(value, 1, UINT16_MAX, &n);
		j->wish.gue_port = (uint16_t)n;
		break;
	case 'o':
		good = word(value, families, &which);
		j->wish.over = which ? IP_V6 : IP_V4;
		break;
	case 'u':
		good = number(value, MTU_MIN, UINT16_MAX, &n);
		j->wish.mtu = (uint32_t)n;
		break;
	case 's':
		j->state = value;
		break;
	default:
		j->action = option == 'c' ? CHECK : option == 'r' ? REMOVE : HELP;
		break;
	}
	return good;
}

static bool take_options(struct job *j, int argc, char **argv)
{
	static const struct option options[] = { { "mode", required_argument, NULL, 'm' },
		{ "tunnel", required_argument, NULL, 't' }, { "gue-port", required_argument, NULL, 'p' },
		{ "over", required_argument, NULL, 'o' }, { "mtu", required_argument, NULL, 'u' },
		{ "state", required_argument, NULL, 's' }, { "check", no_argument, NULL, 'c' },
		{ "remove", no_argument, NULL, 'r' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	int option, index = 0;

	while ((option = getopt_long(argc, argv, "", options, &index)) != -1) {
		if (option == '?')
			return false;
		if (take_option(j, option, optarg))
			continue;
		fprintf(stderr, "lb-ipvs-agent --real-server: --%s does not take \"%s\"\n",
			options[index].name, optarg);
		return false;
	}
	return true;
}

static bool take_addresses(int argc, char **argv, struct ip_addr *out)
{
	for (int i = 0; i < argc; i++) {
		if (ip_addr_parse(argv[i], &out[i]))
			continue;
		fprintf(stderr, "lb-ipvs-agent --real-server: \"%s\" is no address, such as 10.1.1.1\n",
			argv[i]);
		return false;
	}
	return true;
}

static int act(struct job *j)
{
	char err[LINE_ROOM];
	int status;

	if (!j->wish.count && j->action != REMOVE) {
		fputs(help, stderr);
		return EXIT_USAGE;
	}
	j->nl = netlink_new(err, sizeof(err));
	if (!j->nl)
		return complain(err);
	status = j->action == CHECK ? check(j) : j->action == REMOVE ? remove_all(j) : prepare(j);
	netlink_free(j->nl);
	return status;
}

int real_server_main(int argc, char **argv)
{
	struct job j = { .wish = { .gue_port = GUE_PORT }, .state = STATE_FILE };
	int status = EXIT_USAGE;
	struct ip_addr *addrs;

	if (!take_options(&j, argc, argv)) {
		fputs(help, stderr);
		return status;
	}
	if (j.action == HELP) {
		fputs(help, stdout);
		return EXIT_SUCCESS;
	}
	addrs = mem_calloc((size_t)(argc - optind) + 1, sizeof(*addrs));
	j.wish.addrs = addrs;
	j.wish.count = (size_t)(argc - optind);
	if (take_addresses(argc - optind, argv + optind, addrs))
		status = act(&j);
	free(addrs);
	return status;
}
