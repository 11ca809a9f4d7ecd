#include "servers.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PORTS_MAX = 16 };

struct servers {
	pid_t pid;
	int input;
	char dir[32], file[256];
	struct {
		char name[32];
		unsigned port;
	} port[PORTS_MAX];
	size_t count;
};

static pid_t run(const char *script, const char *dir, int in, int out)
{
	const char *srcdir = getenv("srcdir");
	char path[512];
	pid_t pid = fork();

	if (pid)
		return pid;
	snprintf(path, sizeof(path), "%s/tests/unit/%s", srcdir ? srcdir : ".", script);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	execl("/usr/bin/python3", "python3", path, dir, (char *)NULL);
	_exit(127);
}

static void read_ports(struct servers *s, FILE *f)
{
	while (s->count < PORTS_MAX &&
		fscanf(f, "%31s %u", s->port[s->count].name, &s->port[s->count].port) == 2) {
		if (strcmp(s->port[s->count].name, "end") == 0)
			return;
		s->count++;
	}
	rmdir(s->dir);
	fail_msg("the servers of the test do not start (is srcdir set to the top of the sources?)");
}

struct servers *servers_start(const char *script)
{
	struct servers *s = calloc(1, sizeof(*s));
	int in[2], out[2];
	FILE *f;

	strcpy(s->dir, "/tmp/rrd-servers-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	s->pid = run(script, s->dir, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	s->input = in[1];
	f = fdopen(out[0], "r");
	read_ports(s, f);
	fclose(f);
	return s;
}

void servers_stop(struct servers *s)
{
	char command[64];

	close(s->input);
	waitpid(s->pid, NULL, 0);
	snprintf(command, sizeof(command), "rm -r %s", s->dir);
	assert_int_equal(system(command), 0);
	free(s);
}

uint16_t servers_port(const struct servers *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->port[i].name, name) == 0)
			return (uint16_t)s->port[i].port;
	return 0;
}

const char *servers_file(struct servers *s, const char *name)
{
	snprintf(s->file, sizeof(s->file), "%s/%s", s->dir, name);
	return s->file;
}
