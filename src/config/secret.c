#include "config/secret.h"

#include "config/errors.h"
#include "config/scalar.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool take(const char *text, size_t len, struct config_secret *out, struct text *why)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
			text_add(why, "has a control character in it; a password is one line of text");
			return false;
		}
	}
	if (len < 1 || len > CONFIG_SECRET_MAX) {
		text_add(why, "has %zu octets; expected 1..%d", len, CONFIG_SECRET_MAX);
		return false;
	}
	/* Without the rest of what was there, equal passwords are equal octets. */
	*out = (struct config_secret){ .len = (uint8_t)len };
	memcpy(out->octets, text, len);
	return true;
}

static bool parse_password(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	(void)r;
	(void)f;
	return take(text, strlen(text), out, why);
}

/* A symbolic link is followed: a Secret of Kubernetes is one. */
static bool check_mode(int fd, struct text *why)
{
	struct stat st;

	if (fstat(fd, &st)) {
		text_add(why, "cannot be looked at: %s", strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		text_add(why, "is no ordinary file");
		return false;
	}
	if (st.st_mode & (S_IROTH | S_IWOTH)) {
		text_add(why,
			"can be %s by everybody (mode %04o); chmod o-rwx it (in Kubernetes defaultMode: 0440 "
			"of "
			"the Secret)",
			st.st_mode & S_IROTH ? "read" : "written", (unsigned)st.st_mode & 07777);
		return false;
	}
	return true;
}

static bool read_password(int fd, struct config_secret *out, struct text *why)
{
	char text[CONFIG_SECRET_MAX + 2];
	ssize_t len = read(fd, text, sizeof(text));
	bool ok = len >= 0;

	if (!ok)
		text_add(why, "cannot be read: %s", strerror(errno));
	else if (len > 0 && text[len - 1] == '\n')
		len--;
	if (ok && len > CONFIG_SECRET_MAX) {
		text_add(why, "has more than %d octets; expected a password alone", CONFIG_SECRET_MAX);
		ok = false;
	}
	ok = ok && take(text, (size_t)len, out, why);
	explicit_bzero(text, sizeof(text));
	return ok;
}

static bool parse_password_file(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	const char *path;
	char said[CONFIG_OPEN_ERROR_MAX];
	int fd;
	bool ok;

	/* Not quoted: it may be a password under the wrong key. */
	if (*text != '/') {
		text_add(why, "is not an absolute path; it must begin with a slash");
		return false;
	}
	if (!config_path.parse(r, f, text, &path, why))
		return false;
	text_add(why, "%s ", path);
	/* A pipe without a writer must not hold us. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		text_add(why, "cannot be opened: %s", config_open_error(errno, said));
		return false;
	}
	ok = check_mode(fd, why) && read_password(fd, out, why);
	close(fd);
	return ok;
}

/* For comparing alone: the rows are secret. That of the file has nothing to compare, since both fill the same place. */
static void format_password(const struct config_field *f, const void *value, struct text *out)
{
	const struct config_secret *s = value;

	(void)f;
	text_add(out, "%.*s", s->len, s->octets);
}

const struct config_scalar config_password = { "a text", "1..80 octets", sizeof(struct config_secret),
	.text = true, .parse = parse_password, .format = format_password };
const struct config_scalar config_password_file = { "an absolute path", NULL, sizeof(struct config_secret),
	.text = true, .parse = parse_password_file };

void config_secret_check(const struct config_node *own, struct config_errors *errs)
{
	const struct config_node *text = config_node_get(own, "password");
	const struct config_node *file = config_node_get(own, "password-file");

	if (text && file)
		config_error_value(errs, file,
			"password is set here as well (line %u); leave one of them out", text->line);
}
