/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The test's hand in a Xen domain: starts programs, feeds them input and passes on what they print,
 * any number at a time, all over one terminal or virtio port.
 *
 *	xen_agent DEVICE [kmsg]
 *
 * Each message is a line "STX ID VERB DATA LF"; in DATA, control characters and % are written %XX.
 * What stands outside of STX ... LF is no message: a console carries its kernel's words, too.
 *
 *	to the agent                            from the agent
 *	ID pipe SCRIPT  sh with a pipe          0 ready         once, when it listens
 *	ID pty SCRIPT   sh with a terminal      0 log TEXT      the kernel said this (with "kmsg")
 *	ID in BYTES     input for it            ID pid PID      it was started
 *	ID kill SIGNAL  sent to it alone        ID out BYTES    it printed this
 *	                                        ID exit CODE    it has ended; 128 + signal if killed
 *
 * A program has ended when the first process of it has, whoever else still holds its output.
 */

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define STX 2
#define PROGRAMS 64
#define CHUNK 2048		 /* bytes of output in one message */
#define LINE_MAX_BYTES (1 << 20) /* of a message to us */
#define LOG_CONSOLE_LEVEL 8	 /* syslog(2): which messages the console shows */

struct program {
	unsigned int id;
	pid_t pid; /* 0: this slot is free */
	int in;
	int out; /* the same as in for a terminal; -1: at its end */
};

static struct program programs[PROGRAMS];
static int channel;

static void
write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; /* it is gone: its exit will be reported */
		data += n;
		len -= n;
	}
}

static void
send_message(unsigned int id, const char *verb, const char *data, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	char line[64 + 3 * CHUNK];
	int at = snprintf(line, 64, "%c%u %s ", STX, id, verb);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = data[i];

		if (c >= ' ' && c != '%' && c != 0x7f) {
			line[at++] = c;
			continue;
		}
		line[at++] = '%';
		line[at++] = hex[c >> 4];
		line[at++] = hex[c & 15];
	}
	line[at++] = '\n';
	write_all(channel, line, at);
}

static void
send_number(unsigned int id, const char *verb, int number)
{
	char text[16];

	send_message(id, verb, text, snprintf(text, sizeof(text), "%d", number));
}

/* Undo %XX in place; returns the length, and ends the bytes with a NUL. */
static size_t
decode(char *data)
{
	char *out = data;

	for (const char *in = data; *in != '\0'; in++) {
		unsigned int value;

		if (*in == '%' && sscanf(in + 1, "%2x", &value) == 1 && isxdigit(in[2])) {
			*out++ = value;
			in += 2;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
	return out - data;
}

static struct program *
find_program(unsigned int id)
{
	for (size_t i = 0; i < PROGRAMS; i++)
		if (programs[i].pid != 0 && programs[i].id == id)
			return &programs[i];
	return NULL;
}

/* In the child: be SCRIPT. A process to be killed by signals must not inherit our blocked ones. */
static void __attribute__((noreturn)) become(const char *script)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execl("/bin/sh", "sh", "-c", script, NULL);
	_exit(127);
}

static pid_t
fork_with_pipes(const char *script, int *in, int *out)
{
	int to[2], from[2];
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		err(1, "pipe");
	pid = fork();
	if (pid == 0) {
		setsid();
		dup2(to[0], 0);
		dup2(from[1], 1);
		dup2(from[1], 2);
		become(script);
	}
	close(to[0]);
	close(from[1]);
	*in = to[1];
	*out = from[0];
	return pid;
}

static pid_t
fork_with_terminal(const char *script, int *in, int *out)
{
	struct winsize size = {.ws_row = 50, .ws_col = 200};
	pid_t pid = forkpty(in, NULL, NULL, &size);

	if (pid == 0)
		become(script);
	fcntl(*in, F_SETFD, FD_CLOEXEC);
	*out = *in;
	return pid;
}

static void
start(unsigned int id, const char *script, bool terminal)
{
	struct program *p = programs;

	while (p < programs + PROGRAMS && p->pid != 0)
		p++;
	if (p == programs + PROGRAMS) {
		send_number(id, "exit", 126);
		return;
	}
	p->id = id;
	p->pid = terminal ? fork_with_terminal(script, &p->in, &p->out)
			  : fork_with_pipes(script, &p->in, &p->out);
	if (p->pid < 0)
		err(1, "fork");
	fcntl(p->out, F_SETFL, O_RDWR | O_NONBLOCK);
	send_number(id, "pid", p->pid);
}

/* Input waits for the program to take it, as typing does. */
static void
feed(struct program *p, const char *data, size_t len)
{
	struct pollfd writable = {.fd = p->in, .events = POLLOUT};

	while (len > 0 && poll(&writable, 1, 10000) > 0) {
		ssize_t n = write(p->in, data, len < 256 ? len : 256);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return;
		if (n > 0) {
			data += n;
			len -= n;
		}
	}
}

static void
obey(char *line)
{
	char *start_of = strrchr(line, STX), verb[8];
	struct program *p;
	unsigned int id;
	size_t len;
	int at;

	if (start_of == NULL || sscanf(start_of + 1, "%u %7s%n", &id, verb, &at) != 2)
		return;
	start_of += 1 + at;
	if (*start_of == ' ')
		start_of++;
	len = decode(start_of);
	p = find_program(id);
	if (strcmp(verb, "pipe") == 0 || strcmp(verb, "pty") == 0)
		start(id, start_of, strcmp(verb, "pty") == 0);
	else if (strcmp(verb, "in") == 0 && p != NULL)
		feed(p, start_of, len);
	else if (strcmp(verb, "kill") == 0 && p != NULL)
		kill(p->pid, atoi(start_of));
}

/* Take what has come and obey each whole line of it. */
static void
read_channel(void)
{
	static char line[LINE_MAX_BYTES + 1];
	static size_t have;
	ssize_t n = read(channel, line + have, LINE_MAX_BYTES - have);
	char *end;

	if (n <= 0)
		exit(n < 0 && errno == EINTR ? 0 : 1); /* init starts us anew */
	have += n;
	while ((end = memchr(line, '\n', have)) != NULL) {
		size_t used = end + 1 - line;

		*end = '\0';
		obey(line);
		memmove(line, line + used, have - used);
		have -= used;
	}
	if (have == LINE_MAX_BYTES)
		have = 0; /* no message of ours */
}

/* Returns whether there was something. */
static bool
read_program(struct program *p)
{
	char data[CHUNK];
	ssize_t n = read(p->out, data, sizeof(data));

	if (n > 0) {
		send_message(p->id, "out", data, n);
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		if (p->out != p->in)
			close(p->out);
		p->out = -1;
	}
	return false;
}

static int
exit_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
reap(int signals)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	if (read(signals, &info, sizeof(info)) < 0)
		return;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (struct program *p = programs; p < programs + PROGRAMS; p++) {
			if (p->pid != pid)
				continue;
			while (p->out >= 0 && read_program(p))
				;
			if (p->out >= 0 && p->out != p->in)
				close(p->out);
			close(p->in);
			p->pid = 0;
			send_number(p->id, "exit", exit_code(status));
		}
	}
}

/* One record of the kernel's log: "level,number,time,flags;text LF more LF". */
static void
read_log(int kmsg)
{
	char record[CHUNK];
	ssize_t n = read(kmsg, record, sizeof(record) - 1);
	char *text;

	if (n <= 0)
		return;
	record[n] = '\0';
	text = strchr(record, ';');
	if (text != NULL)
		send_message(0, "log", text + 1, strcspn(text + 1, "\n"));
}

static int
open_channel(const char *path)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios mode;

	if (fd < 0)
		err(1, "%s", path);
	if (tcgetattr(fd, &mode) == 0) {
		cfmakeraw(&mode);
		tcsetattr(fd, TCSANOW, &mode);
	}
	return fd;
}

static int
open_log(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	lseek(fd, 0, SEEK_END); /* not what it said before */
	/* Only a kernel in despair may speak between our messages. */
	klogctl(LOG_CONSOLE_LEVEL, NULL, 2);
	return fd;
}

static int
open_signals(void)
{
	sigset_t child;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
main(int argc, char **argv)
{
	struct pollfd fds[3 + PROGRAMS];

	if (argc < 2)
		errx(2, "usage: xen_agent DEVICE [kmsg]");
	channel = open_channel(argv[1]);
	fds[0] = (struct pollfd){.fd = channel, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = open_signals(), .events = POLLIN};
	fds[2] = (struct pollfd){.fd = argc > 2 ? open_log() : -1, .events = POLLIN};
	send_message(0, "ready", "", 0);
	for (;;) {
		for (int i = 0; i < PROGRAMS; i++) {
			int fd = programs[i].pid != 0 ? programs[i].out : -1;

			fds[3 + i] = (struct pollfd){.fd = fd, .events = POLLIN};
		}
		if (poll(fds, 3 + PROGRAMS, -1) < 0 && errno != EINTR)
			err(1, "poll");
		for (int i = 0; i < PROGRAMS; i++)
			if (fds[3 + i].revents != 0 && programs[i].out == fds[3 + i].fd)
				read_program(&programs[i]);
		if (fds[2].revents != 0)
			read_log(fds[2].fd);
		if (fds[1].revents != 0)
			reap(fds[1].fd);
		if (fds[0].revents != 0)
			read_channel();
	}
}
