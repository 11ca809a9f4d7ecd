/* What this build is and what is in it, for --version. */
#pragma once

/* Several lines, each ended by a newline, beginning with "PROGRAM VERSION"; the caller frees the text. */
char *version_text(const char *program);
