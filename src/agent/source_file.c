/*
 * A file, or all endpoint files of a directory, watched.
 *
 * Each file is a part with the last good list of its own: a broken one keeps it and is told with its place, one that was
 * removed from a directory takes it away. A single file that is gone keeps its list, since that is a mistake more often than
 * a wish (the wish is written "servers: []"). A directory that was renamed or unmounted keeps everything. At the start a
 * broken file of a directory has no last good list: what the others hold is told without it.
 *
 * A file is read when it is complete: renamed to its name, or closed after writing. One that was just made is left alone until
 * then, or for WRITE_US. What inotify cannot tell (links of links, the swap of a Kubernetes volume, shared file systems) is found
 * by comparing what stat() says with what it said when the file was read; one that was written without a word must have
 * been left alone for WRITE_US.
 *
 * Events only mark parts; the work is done once at the end of the turn.
 */
#include "agent/source_private.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/yaml.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WRITE_US = 1000000, WHY_MAX = 1200 };

/* What tells one state of a file from another. */
struct identity {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec modified, changed;
};

struct part {
	struct list link; /* by name */
	char *name;
	struct identity read, seen; /* when it was read, and at the last look */
	struct arena *arena;	    /* owns list */
	struct endpoint_list list;  /* the last good one */
	bool good;		    /* there was one */
	bool dirty;		    /* to be read */
	bool waiting;		    /* made, and perhaps not written yet */
	bool found;		    /* in the scan under way */
	char *error;		    /* NULL: none */
};

struct files {
	struct source *source;
	bool is_directory;
	char *path; /* of the directory */
	struct io_file_watch_dir *watch;
	struct io_job *job;
	struct io_timer *timer; /* the end of waiting */
	struct list parts;
	bool look;    /* compare all with what stat() says */
	bool scanned; /* the directory has been read */
	char *error;  /* of the directory; NULL: none */
};

/* --- parts --- */

static struct part *part_new(const char *name)
{
	struct part *p = mem_calloc(1, sizeof(*p));

	p->name = mem_strdup(name);
	p->arena = arena_new();
	return p;
}

static void part_free(struct part *p)
{
	list_del(&p->link);
	arena_free(p->arena);
	free(p->error);
	free(p->name);
	free(p);
}

static struct part *find_part(const struct files *f, const char *name)
{
	LIST_FOREACH (link, &f->parts) {
		struct part *p = LIST_ENTRY(link, struct part, link);

		if (strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

/* In the order of names, so that of two files with one server the same one counts everywhere. */
static struct part *add_part(struct files *f, const char *name)
{
	struct list *at = f->parts.prev;
	struct part *p = part_new(name);

	while (at != &f->parts && strcmp(LIST_ENTRY(at, struct part, link)->name, name) > 0)
		at = at->prev;
	list_add_after(at, &p->link);
	return p;
}

static void set_text(char **text, char *value)
{
	free(*text);
	*text = value;
}

/* --- reading --- */

static struct identity identity_of(const struct stat *st)
{
	return (struct identity){ st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim };
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_identity(const struct identity *a, const struct identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       same_time(&a->modified, &b->modified) && same_time(&a->changed, &b->changed);
}

/* The first line of what is wrong; the others are counted. */
static char *first_error(const struct config_errors *errs)
{
	char *all = config_errors_format(errs), *line;
	size_t count = config_errors_count(errs);

	all[strcspn(all, "\n")] = 0;
	line = count > 1 ? mem_printf("%s (and %zu more)", all, count - 1) : mem_strdup(all);
	free(all);
	return line;
}

static void parse_part(struct part *p, const char *path)
{
	struct config_errors *errs = config_errors_new();
	struct arena *arena = arena_new(); /* with the whole tree of the file */
	struct endpoint_list list;
	size_t len = 0;
	char *text;

	config_errors_set_file(errs, path);
	text = config_file_read(path, &len, errs);
	if (text && config_endpoints_parse(text, len, path, arena, errs, &list)) {
		arena_reset(p->arena);
		p->list = source_copy(p->arena, &list);
		p->good = true;
		set_text(&p->error, NULL);
	} else {
		set_text(&p->error, first_error(errs));
	}
	free(text);
	arena_free(arena);
	config_errors_free(errs);
}

static void read_part(struct part *p, const char *path)
{
	struct stat st;

	p->dirty = p->waiting = false;
	p->read = (struct identity){ 0 };
	if (stat(path, &st) != 0) {
		set_text(&p->error, mem_printf("%s: cannot be opened: %s", path, strerror(errno)));
		return;
	}
	p->read = identity_of(&st);
	/* Opening a pipe would hold us until somebody writes to it. */
	if (S_ISREG(st.st_mode))
		parse_part(p, path);
	else
		set_text(&p->error, mem_printf("%s: is not a file; expected an endpoint file", path));
}

/* Marks a part whose file is another one than was read: at once when it was replaced, and later when it was written without
 * a word, for it may be written still. True when another look is needed for that. */
static bool look_at(struct part *p, const char *path)
{
	struct identity now = { 0 };
	struct stat st;

	if (p->waiting || p->dirty)
		return false;
	if (stat(path, &st) == 0)
		now = identity_of(&st);
	if (same_identity(&now, &p->read))
		return false;
	p->dirty = now.dev != p->read.dev || now.ino != p->read.ino || same_identity(&now, &p->seen);
	p->seen = now;
	return !p->dirty;
}

/* --- the directory --- */

/* Not what editors and Kubernetes keep beside the files (.x.swp, x.yaml~, #x.yaml#, ..data). */
static bool is_endpoint_file(const char *name)
{
	static const char *const endings[] = { ".yaml", ".yml", ".json" };
	size_t len = strlen(name);

	if (*name == '.' || *name == '#')
		return false;
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		size_t n = strlen(endings[i]);

		if (len > n && strcmp(name + len - n, endings[i]) == 0)
			return true;
	}
	return false;
}

static bool is_ours(const struct files *f, const char *name)
{
	return f->is_directory ? is_endpoint_file(name) : find_part(f, name) != NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The directory could not be read, or could: true when that is news. */
static bool set_error(struct files *f, char *error)
{
	bool same = same_text(f->error, error);

	set_text(&f->error, error);
	return !same;
}

static void find_parts(struct files *f, DIR *dir)
{
	struct dirent *e;

	while ((e = readdir(dir))) {
		struct part *p;

		if (!is_endpoint_file(e->d_name))
			continue;
		p = find_part(f, e->d_name);
		if (!p) {
			p = add_part(f, e->d_name);
			p->dirty = true;
		}
		p->found = true;
	}
}

/* True when a part went, or the directory did or came back. */
static bool scan(struct files *f)
{
	DIR *dir = opendir(f->path);
	bool changed;

	if (!dir)
		return set_error(f, mem_printf("%s: cannot be read: %s", f->path, strerror(errno)));
	changed = set_error(f, NULL) || !f->scanned;
	f->scanned = true;
	LIST_FOREACH (link, &f->parts)
		LIST_ENTRY(link, struct part, link)->found = false;
	find_parts(f, dir);
	closedir(dir);
	LIST_FOREACH (link, &f->parts) {
		struct part *p = LIST_ENTRY(link, struct part, link);

		if (p->found)
			continue;
		part_free(p);
		changed = true;
	}
	return changed;
}

/* --- telling --- */

struct seen {
	struct hash_node hash;
	const struct endpoint *endpoint;
};

/* A list of which each server was added once: of one in two files the first counts. */
struct joined {
	struct endpoint *list;
	struct seen *seen;
	size_t count;
	struct hash table;
};

static void join(struct joined *j, const struct endpoint *e)
{
	uint32_t hash = ip_addr_hash(&e->addr) ^ e->port;
	struct seen *s = &j->seen[j->count];

	for (struct hash_node *i = hash_first(&j->table, hash); i; i = hash_next(i)) {
		const struct endpoint *other = HASH_ENTRY(i, struct seen, hash)->endpoint;

		if (other->port == e->port && ip_addr_equal(&other->addr, &e->addr))
			return;
	}
	s->endpoint = e;
	hash_add(&j->table, &s->hash, hash);
	j->list[j->count++] = *e;
}

static void tell_list(const struct files *f)
{
	struct joined j = { 0 };
	size_t size = 1;
	bool good = f->is_directory && f->scanned;

	LIST_FOREACH (link, &f->parts) {
		const struct part *p = LIST_ENTRY(link, struct part, link);

		size += p->list.count;
		good = good || p->good;
	}
	if (!good)
		return;
	j.list = mem_calloc(size, sizeof(*j.list));
	j.seen = mem_calloc(size, sizeof(*j.seen));
	LIST_FOREACH (link, &f->parts) {
		const struct part *p = LIST_ENTRY(link, struct part, link);

		for (size_t i = 0; i < p->list.count; i++)
			join(&j, &p->list.list[i]);
	}
	source_tell(f->source, &(struct endpoint_list){ j.list, j.count });
	hash_fini(&j.table);
	free(j.seen);
	free(j.list);
}

static void tell_error(const struct files *f)
{
	const char *why = f->error;
	char text[WHY_MAX];
	struct text t = text_init(text, sizeof(text));
	size_t more = 0;

	LIST_FOREACH (link, &f->parts) {
		const struct part *p = LIST_ENTRY(link, struct part, link);

		if (!p->error)
			continue;
		more += why != NULL;
		why = why ? why : p->error;
	}
	if (why)
		text_add(&t, "%s", why);
	if (more)
		text_add(&t, "; and %zu more files are wrong", more);
	source_set_error(f->source, why ? text : NULL);
}

/* --- events --- */

static void work(void *user)
{
	struct files *f = user;
	bool look = f->look, changed = false;

	f->look = false;
	if (f->is_directory && look)
		changed = scan(f);
	LIST_FOREACH (link, &f->parts) {
		struct part *p = LIST_ENTRY(link, struct part, link);
		char *path = mem_printf("%s/%s", f->path, p->name);

		if (look && !f->error && look_at(p, path))
			io_timer_set(f->timer, WRITE_US);
		if (p->dirty) {
			read_part(p, path);
			changed = true;
		}
		free(path);
	}
	if (!changed)
		return;
	tell_error(f);
	tell_list(f);
}

static void on_waited(void *user)
{
	struct files *f = user;

	LIST_FOREACH (link, &f->parts) {
		struct part *p = LIST_ENTRY(link, struct part, link);

		p->dirty = p->dirty || p->waiting;
	}
	f->look = true;
	io_job_post(f->job);
}

/* A link is complete when it is made; a file is when it has been written. */
static bool may_be_incomplete(const struct files *f, const char *name)
{
	char *path = mem_printf("%s/%s", f->path, name);
	struct stat st;
	bool incomplete = lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink < 2;

	free(path);
	return incomplete;
}

static void on_event(void *user, enum io_file_watch_event event, const char *name)
{
	struct files *f = user;
	struct part *p = name ? find_part(f, name) : NULL;

	io_job_post(f->job);
	if (!name || !is_ours(f, name) || event == IO_FILE_GONE) {
		/* Also the target of a link, by whatever name. */
		f->look = true;
		return;
	}
	if (!p)
		p = add_part(f, name);
	if (event == IO_FILE_CREATED && may_be_incomplete(f, name)) {
		p->waiting = true;
		io_timer_set(f->timer, WRITE_US);
		return;
	}
	p->waiting = false;
	p->dirty = true;
}

static void *start(struct source *s)
{
	struct files *f = mem_calloc(1, sizeof(*f));
	const char *path = s->cfg->file;

	f->source = s;
	f->is_directory = s->kind == &source_directory;
	list_init(&f->parts);
	if (f->is_directory) {
		f->path = mem_strdup(s->cfg->directory);
		f->look = true;
	} else {
		const char *slash = strrchr(path, '/');

		f->path = slash > path ? mem_printf("%.*s", (int)(slash - path), path) : mem_strdup("/");
		add_part(f, slash + 1)->dirty = true;
	}
	f->job = io_job_new(s->env.loop, work, f);
	f->timer = io_timer_new(s->env.loop, on_waited, f);
	f->watch = io_file_watch_dir_new(s->env.files, f->path, on_event, f);
	io_job_post(f->job);
	return f;
}

static void stop(void *state)
{
	struct files *f = state;

	io_file_watch_dir_free(f->watch);
	io_timer_free(f->timer);
	io_job_free(f->job);
	LIST_FOREACH (link, &f->parts)
		part_free(LIST_ENTRY(link, struct part, link));
	free(f->error);
	free(f->path);
	free(f);
}

const struct source_kind source_file = { "file", true, start, stop };
const struct source_kind source_directory = { "directory", true, start, stop };
