#include "io/worker.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
	struct io_work *first, **last;
};

struct io_worker {
	struct io_watch *watch;
	int fd; /* eventfd that counts the jobs in done */
	pthread_t thread;
	pthread_mutex_t lock; /* todo, done, stop */
	pthread_cond_t wake;
	struct queue todo, done;
	bool stop, running;
};

static void queue_init(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static void queue_put(struct queue *q, struct io_work *work)
{
	work->next = NULL;
	*q->last = work;
	q->last = &work->next;
}

static struct io_work *queue_get(struct queue *q)
{
	struct io_work *work = q->first;

	if (work && !(q->first = work->next))
		q->last = &q->first;
	return work;
}

/* --- in the thread --- */

static void give_back(struct io_worker *w, struct io_work *work)
{
	const uint64_t one = 1;

	queue_put(&w->done, work);
	if (write(w->fd, &one, sizeof(one)) < 0)
		log_error("worker: eventfd: %s", strerror(errno));
}

static void *work_until_stopped(void *user)
{
	struct io_worker *w = user;
	struct io_work *work;

	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		work = queue_get(&w->todo);
		if (!work) {
			pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		pthread_mutex_unlock(&w->lock);
		work->run(work);
		pthread_mutex_lock(&w->lock);
		give_back(w, work);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* --- in the loop's thread --- */

/* One job in a turn: done may do what it wants, even free the worker, and nothing of it is touched afterwards. The next one
 * keeps the descriptor readable. */
static bool take_done(struct io_worker *w)
{
	struct io_work *work;
	uint64_t one;

	if (read(w->fd, &one, sizeof(one)) < 0)
		return false;
	pthread_mutex_lock(&w->lock);
	work = queue_get(&w->done);
	pthread_mutex_unlock(&w->lock);
	if (work)
		work->done(work);
	return work;
}

static void job_is_done(void *user, unsigned events)
{
	(void)events;
	take_done(user);
}

/* Signals are for the loop's thread: the new one is born with all of them blocked. */
static int start_thread(struct io_worker *w, const char *name)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&w->thread, NULL, work_until_stopped, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	w->running = !error;
	if (!error)
		pthread_setname_np(w->thread, name);
	return error;
}

struct io_worker *io_worker_new(struct io_loop *loop, const char *name)
{
	struct io_worker *w = mem_calloc(1, sizeof(*w));
	int error;

	queue_init(&w->todo);
	queue_init(&w->done);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	error = w->fd < 0 ? errno : start_thread(w, name);
	if (error) {
		log_error("cannot start the thread %s: %s; is the limit of processes or open files used up?",
			name, strerror(error));
		io_worker_free(w, NULL);
		return NULL;
	}
	w->watch = io_watch_new(loop, w->fd, job_is_done, w);
	io_watch_set(w->watch, IO_READ);
	return w;
}

static void stop_thread(struct io_worker *w)
{
	if (!w->running)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
}

static void drop_all(struct queue *q, void (*drop)(struct io_work *work))
{
	for (struct io_work *work; (work = queue_get(q));)
		if (drop)
			drop(work);
}

void io_worker_free(struct io_worker *w, void (*drop)(struct io_work *work))
{
	if (!w)
		return;
	stop_thread(w);
	drop_all(&w->done, drop);
	drop_all(&w->todo, drop);
	io_watch_free(w->watch);
	if (w->fd >= 0)
		close(w->fd);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void io_worker_submit(struct io_worker *w, struct io_work *work)
{
	pthread_mutex_lock(&w->lock);
	queue_put(&w->todo, work);
	pthread_mutex_unlock(&w->lock);
	/* Only now: the thread that wakes up wants the lock. */
	pthread_cond_signal(&w->wake);
}

bool io_worker_wait(struct io_worker *w, unsigned timeout_ms)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	return poll(&p, 1, (int)timeout_ms) > 0 && take_done(w);
}
