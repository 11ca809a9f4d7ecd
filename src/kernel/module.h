/* Whether this kernel has a module, as far as can be told from where we are: a container seldom sees the host's modules. */
#pragma once

enum kernel_module {
	KERNEL_MODULE_THERE,	/* loaded, or built in */
	KERNEL_MODULE_LOADABLE, /* the kernel loads it when it is asked for what it gives */
	KERNEL_MODULE_ABSENT,	/* not among this kernel's modules */
	KERNEL_MODULE_UNKNOWN,	/* not loaded, and the modules cannot be seen from here */
};

/* name with underscores, as lsmod(8) shows it. */
enum kernel_module kernel_module_look(const char *name);
