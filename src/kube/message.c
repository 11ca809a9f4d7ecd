#include "kube/message.h"

#include "base/printable.h"

#include <string.h>

enum { QUOTE_MAX = 64, MESSAGE_MAX = 300, JSON_WHY_MAX = 160 };

static void quote_start(const char *body, size_t len, struct text *out)
{
	char quoted[QUOTE_MAX];

	text_printable((const uint8_t *)body, len < QUOTE_MAX ? len : QUOTE_MAX, quoted, sizeof(quoted));
	text_add(out, "\"%s\"%s", quoted, len >= QUOTE_MAX ? "..." : "");
}

/* The row, or what stands in its place. */
static struct row *parse(const char *text, size_t len, struct text *why)
{
	char json_why[JSON_WHY_MAX], fit[JSON_WHY_MAX];
	struct row *r = row_parse(text, len, json_why, sizeof(json_why));

	if (r)
		return r;
	text_printable((const uint8_t *)json_why, strlen(json_why), fit, sizeof(fit));
	text_add(why, "%s; it begins with ", fit);
	quote_start(text, len, why);
	return NULL;
}

static bool is_kind(const struct row *r, const char *kind, struct text *why)
{
	const char *found = row_get_text(r, "kind");

	if (found && strcmp(found, kind) == 0)
		return true;
	text_add(why, "expected an object of kind %s, not ", kind);
	quote_start(found ? found : "", found ? strlen(found) : 0, why);
	return false;
}

static const char *version_of(const struct row *r, struct text *why)
{
	const char *version = row_get_text(row_get(r, "metadata"), "resourceVersion");

	if (version && *version && strlen(version) < KUBE_VERSION_MAX)
		return version;
	text_add(why, "metadata.resourceVersion is %s", version && *version ? "too long" : "missing");
	return NULL;
}

/* --- a page of a list --- */

static bool read_page(struct kube_page *p, struct text *why)
{
	const char *more = row_get_text(row_get(p->row, "metadata"), "continue");

	if (!is_kind(p->row, "EndpointSliceList", why))
		return false;
	p->version = version_of(p->row, why);
	p->items = row_get(p->row, "items");
	p->more = more && *more ? more : NULL;
	if (p->more && strlen(p->more) >= KUBE_CONTINUE_MAX) {
		text_add(why, "metadata.continue is too long");
		return false;
	}
	return p->version != NULL;
}

bool kube_page_parse(const char *body, size_t len, struct kube_page *out, struct text *why)
{
	*out = (struct kube_page){ .row = parse(body, len, why) };
	if (out->row && read_page(out, why))
		return true;
	kube_page_fini(out);
	return false;
}

void kube_page_fini(struct kube_page *p)
{
	row_free(p->row);
	*p = (struct kube_page){ 0 };
}

/* --- a line of a watch --- */

static bool read_type(const char *text, enum kube_event_type *out, struct text *why)
{
	static const char *const types[] = { "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR" };

	for (size_t i = 0; text && i < sizeof(types) / sizeof(*types); i++) {
		if (strcmp(text, types[i]) == 0) {
			*out = (enum kube_event_type)i;
			return true;
		}
	}
	text_add(why, "an event of an unknown type: ");
	quote_start(text ? text : "", text ? strlen(text) : 0, why);
	return false;
}

static bool read_event(struct kube_event *e, struct text *why)
{
	e->object = row_get(e->row, "object");
	if (!read_type(row_get_text(e->row, "type"), &e->type, why))
		return false;
	if (e->type == KUBE_ERROR) {
		e->code = (int)row_get_int(e->object, "code", 0);
		return true;
	}
	if (!is_kind(e->object, "EndpointSlice", why))
		return false;
	e->version = version_of(e->object, why);
	return e->version != NULL;
}

bool kube_event_parse(const char *line, size_t len, struct kube_event *out, struct text *why)
{
	*out = (struct kube_event){ .row = parse(line, len, why) };
	if (out->row && read_event(out, why))
		return true;
	kube_event_fini(out);
	return false;
}

void kube_event_fini(struct kube_event *e)
{
	row_free(e->row);
	*e = (struct kube_event){ 0 };
}

/* --- refusals --- */

static void add_fit(const char *text, struct text *out)
{
	char fit[MESSAGE_MAX];

	text_printable((const uint8_t *)text, strlen(text), fit, sizeof(fit));
	text_add(out, "%s", fit);
}

void kube_status_text(const struct row *status, struct text *out)
{
	const char *reason = row_get_text(status, "reason"), *message = row_get_text(status, "message");

	if (reason)
		add_fit(reason, out);
	if (message) {
		text_add(out, "%s", reason ? ": " : "");
		add_fit(message, out);
	}
	if (!reason && !message)
		text_add(out, "no reason given");
}

void kube_refusal_text(const char *body, size_t len, struct text *out)
{
	char why[JSON_WHY_MAX];
	struct row *r;

	while (len && strchr(" \t\r\n", *body)) {
		body++;
		len--;
	}
	if (!len)
		return;
	r = row_parse(body, len, why, sizeof(why));
	if (r && row_get_text(r, "message"))
		kube_status_text(r, out);
	else
		quote_start(body, len, out);
	row_free(r);
}
