/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "screen.h"

#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <pvn_clock.h>

#define CTRL_C 3
#define CTRL_D 4

static struct termios before;
static bool changed; /* the terminal's modes */

/* Signals from keys are off: they would end us in the middle of the screen. Ctrl-C is a key then.
 */
bool
screen_begin(void)
{
	struct termios raw;

	if (!isatty(STDOUT_FILENO))
		return false;
	if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0) {
		raw = before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
		changed = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	}
	fputs("\033[?1049h\033[?25l\033[2J", stdout);
	return true;
}

void
screen_end(void)
{
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	if (changed)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	changed = false;
}

void
screen_size(unsigned int *columns, unsigned int *lines)
{
	struct winsize size = {0};

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*columns = size.ws_col > 0 ? size.ws_col : 80;
	*lines = size.ws_row > 0 ? size.ws_row : 24;
}

void
screen_top(FILE *to)
{
	fputs("\033[H", to);
}

void
screen_bottom(FILE *to)
{
	fputs("\033[J", to);
	fflush(to);
}

static bool
is_leaving_key(void)
{
	char keys[16];
	const ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	for (ssize_t i = 0; i < n; i++)
		if (keys[i] == 'q' || keys[i] == 'Q' || keys[i] == CTRL_C || keys[i] == CTRL_D)
			return true;
	return n == 0; /* the terminal is gone */
}

bool
screen_wait(int signal_fd, bool keys, int timeout_ms)
{
	const int64_t end = pvn_now_ms() + timeout_ms;

	for (;;) {
		const int64_t left = end - pvn_now_ms();
		struct pollfd fds[] = {
			{.fd = signal_fd, .events = POLLIN},
			{.fd = keys ? STDIN_FILENO : -1, .events = POLLIN},
		};

		if (left <= 0)
			return false;
		if (poll(fds, 2, left) <= 0)
			continue;
		if (fds[0].revents != 0 || (fds[1].revents != 0 && is_leaving_key()))
			return true;
	}
}
