/* The readers of other programs' configurations: each fills the model in from one file. What is said of the whole
 * configuration, once all files are read, is said by its finish function. */
#pragma once

#include "convert/model.h"

/* False when the file could not be read: the errors are in the model. */
bool gobgp_read(struct convert_model *m, const char *text, size_t len);
void gobgp_finish(struct convert_model *m);
bool exabgp_read(struct convert_model *m, const char *text, size_t len);
void exabgp_finish(struct convert_model *m);
bool bird_read(struct convert_model *m, const char *text, size_t len);
void bird_finish(struct convert_model *m);
bool frr_read(struct convert_model *m, const char *text, size_t len);
void frr_finish(struct convert_model *m);
