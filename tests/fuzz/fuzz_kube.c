/*
 * What stands in the place of Kubernetes' API: the first octet is the size of a piece; then lines, each a page of a list, an event of a
 * watch, or a refusal. Cut into other pieces, the same lines come out. What is taken makes servers in order, each once, of the
 * family that was wanted; what is refused changes nothing; and numbers and octets are as they are counted.
 */
#include "fuzz.h"

#include "kube/cache.h"
#include "kube/course.h"
#include "kube/lines.h"

#include <netinet/in.h>

enum { LINE_MAX_OCTETS = 1 << 16, WHY_MAX = 300 };

static void check_servers(const struct kube_cache *c, const struct kube_want *want)
{
	char buf[WHY_MAX];
	struct text why = text_init(buf, sizeof(buf));
	struct kube_cache_size size;
	struct endpoint_list list;

	kube_cache_size(c, &size);
	if (!kube_cache_servers(c, want, &list, &why)) {
		FUZZ_CHECK(buf[0] && !list.count);
		return;
	}
	FUZZ_CHECK(list.count <= size.endpoints);
	for (size_t i = 0; i < list.count; i++) {
		const struct endpoint *e = &list.list[i], *before = i ? e - 1 : NULL;
		int order = before ? ip_addr_cmp(&before->addr, &e->addr) : -1;

		FUZZ_CHECK(order < 0 || (order == 0 && before->port < e->port));
		FUZZ_CHECK(!want->family || e->addr.family == want->family);
		FUZZ_CHECK(!want->own_port || e->port == 0);
		FUZZ_CHECK(want->conditions != CONFIG_ANY || e->state != ENDPOINT_UNREADY);
	}
	free((void *)(uintptr_t)list.list);
}

static void check_all_servers(const struct kube_cache *c)
{
	static const struct kube_want wants[] = { { .protocol = IPPROTO_TCP },
		{ .protocol = IPPROTO_TCP, .port = "http", .family = IP_V4, .conditions = CONFIG_READY_ONLY },
		{ .protocol = IPPROTO_UDP, .family = IP_V6, .conditions = CONFIG_SERVING },
		{ .own_port = true, .conditions = CONFIG_ANY } };

	for (size_t i = 0; i < sizeof(wants) / sizeof(*wants); i++)
		check_servers(c, &wants[i]);
}

static bool same_size(const struct kube_cache_size *a, const struct kube_cache_size *b)
{
	return a->slices == b->slices && a->endpoints == b->endpoints && a->octets == b->octets &&
	       a->skipped == b->skipped;
}

static void take_event(struct kube_cache *c, struct kube_course *course, const char *line, size_t len)
{
	char buf[WHY_MAX] = "";
	struct text why = text_init(buf, sizeof(buf));
	struct kube_cache_size before, after;
	struct kube_event e;

	kube_cache_size(c, &before);
	if (!kube_event_parse(line, len, &e, &why)) {
		FUZZ_CHECK(buf[0] && !e.row);
		return;
	}
	if (e.type == KUBE_ERROR)
		kube_status_text(e.object, &why);
	else
		kube_course_known(course, e.version, NULL);
	if (!kube_cache_apply(c, &e, &why)) {
		kube_cache_size(c, &after);
		FUZZ_CHECK(buf[0] && same_size(&before, &after));
	}
	kube_event_fini(&e);
}

static void take_page(struct kube_cache *c, struct kube_course *course, const char *line, size_t len)
{
	char buf[WHY_MAX] = "", *path = malloc(KUBE_PATH_MAX);
	struct text why = text_init(buf, sizeof(buf));
	struct kube_page p;

	if (kube_page_parse(line, len, &p, &why)) {
		if (kube_cache_list_add(c, &p, &why))
			kube_course_known(course, p.version, p.more);
		else
			kube_cache_list_begin(c);
		/* Whatever it holds, what follows from it is a line of a request. */
		kube_course_path(course, "shop", "web", 300, path);
		FUZZ_CHECK(
			strspn(path,
				"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%/?&=") ==
			strlen(path));
		if (!p.more)
			kube_cache_list_end(c);
		kube_page_fini(&p);
	}
	free(path);
}

/* The lines; their number and a sum of their octets. */
struct seen {
	size_t lines;
	uint64_t sum;
};

static struct seen feed(
	const char *data, size_t size, size_t piece, void (*fn)(void *, const char *, size_t), void *user)
{
	struct seen seen = { 0 };
	struct kube_lines l;
	bool good = true;

	kube_lines_init(&l, LINE_MAX_OCTETS);
	for (size_t at = 0; at < size && good; at += piece) {
		size_t len = size - at < piece ? size - at : piece, line_len;
		char *copy = fuzz_copy((const uint8_t *)data + at, len);
		const char *rest = copy, *line;
		enum kube_line got;

		while ((got = kube_lines_next(&l, &rest, &len, &line, &line_len)) == KUBE_LINE_WHOLE) {
			FUZZ_CHECK(line_len && line_len <= LINE_MAX_OCTETS);
			seen.lines++;
			for (size_t i = 0; i < line_len; i++)
				seen.sum = seen.sum * 31 + (unsigned char)line[i];
			if (fn)
				fn(user, line, line_len);
		}
		good = got == KUBE_LINE_MORE;
		free(copy);
	}
	FUZZ_CHECK(kube_lines_held(&l) <= LINE_MAX_OCTETS);
	kube_lines_fini(&l);
	return seen;
}

struct api {
	struct kube_cache *cache;
	struct kube_course course;
};

static void take(void *user, const char *line, size_t len)
{
	struct api *api = user;
	char buf[WHY_MAX] = "";
	struct text said = text_init(buf, sizeof(buf));

	take_event(api->cache, &api->course, line, len);
	take_page(api->cache, &api->course, line, len);
	kube_refusal_text(line, len, &said);
	FUZZ_CHECK(!strpbrk(buf, "\r\n\x1b"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece = size ? 1 + data[0] : 1;
	struct api api = { .cache = kube_cache_new("web") };
	struct seen cut, whole;
	char *text;

	kube_course_init(&api.course, 1, 1);
	size -= size > 0;
	text = fuzz_copy(data + 1, size);
	cut = feed(text, size, piece, take, &api);
	whole = feed(text, size, size + 1, NULL, NULL);
	FUZZ_CHECK(cut.lines == whole.lines && cut.sum == whole.sum);
	check_all_servers(api.cache);
	kube_cache_free(api.cache);
	free(text);
	return 0;
}
