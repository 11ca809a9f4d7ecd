/*
 * launch GO STAMP PROGRAM [ARGUMENT]...
 *
 * Waits for an octet on the FIFO GO, writes the time to the file STAMP (CLOCK_MONOTONIC, nanoseconds) and becomes PROGRAM. So
 * the delay from exec holds neither the interpreter of the benchmark nor the way into the network namespace, and the
 * process id known beforehand is PROGRAM's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec now;
	char octet;
	int go, stamp;

	if (argc < 4) {
		fprintf(stderr, "usage: launch GO STAMP PROGRAM [ARGUMENT]...\n");
		return 2;
	}
	stamp = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	go = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (stamp < 0 || go < 0 || read(go, &octet, 1) != 1) {
		perror("launch");
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	dprintf(stamp, "%lld\n", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
	execv(argv[3], argv + 3);
	perror(argv[3]);
	/* cppcheck-suppress resourceLeak; both files end with the process. */
	return 127;
}
