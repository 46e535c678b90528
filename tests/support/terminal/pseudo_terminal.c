// Runs a command in a pseudo-terminal of its own: pseudo_terminal COLUMNS ROWS COMMAND...
// Standard output has the bytes that the command writes. Standard input has lines: "t HEX" types bytes,
// "r COLUMNS ROWS" resizes, "h" closes the terminal. Standard error tells "pid N" first and "exit N" or "signal N" last.
// When standard input ends, the command is killed.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(99);
}

static void write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t wrote = write(fd, bytes, length);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return;
    bytes += wrote;
    length -= (size_t)wrote;
  }
}

// Gives 0 when the terminal was closed.
static int obey(int terminal, const char *line) {
  if (*line == 'h') {
    close(terminal);
    return 0;
  }
  struct winsize size = {0};
  if (sscanf(line, "r %hu %hu", &size.ws_col, &size.ws_row) == 2) {
    if (ioctl(terminal, TIOCSWINSZ, &size) < 0) fail("TIOCSWINSZ");
    return 1;
  }
  unsigned byte;
  for (line += 2; sscanf(line, "%2x", &byte) == 1; line += 2) {
    char one = (char)byte;
    write_all(terminal, &one, 1);
  }
  return 1;
}

// Reads what is there, and gives 0 at the end.
static int forward(int terminal) {
  char bytes[65536];
  ssize_t length = read(terminal, bytes, sizeof bytes);
  if (length < 0 && (errno == EINTR || errno == EAGAIN)) return 1;
  if (length <= 0) return 0;
  write_all(STDOUT_FILENO, bytes, (size_t)length);
  return 1;
}

int main(int count, char **words) {
  if (count < 4) return 98;
  struct winsize size = {.ws_col = (unsigned short)atoi(words[1]), .ws_row = (unsigned short)atoi(words[2])};
  int terminal;
  pid_t child = forkpty(&terminal, NULL, NULL, &size);
  if (child < 0) fail("forkpty");
  if (child == 0) {
    execvp(words[3], words + 3);
    perror(words[3]);
    _exit(127);
  }
  signal(SIGPIPE, SIG_IGN);
  fprintf(stderr, "pid %d\n", child);
  int ended = (int)syscall(SYS_pidfd_open, child, 0);
  if (ended < 0) fail("pidfd_open");
  static char lines[1 << 20];
  size_t have = 0;
  struct pollfd polled[3] = {
      {.fd = terminal, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}, {.fd = ended, .events = POLLIN}};
  for (;;) {
    if (poll(polled, 3, -1) < 0) continue;
    // Everything else has closed the terminal; the command itself may still run.
    if (polled[0].revents && !forward(terminal)) polled[0].fd = -1;
    if (polled[1].revents) {
      ssize_t length = read(STDIN_FILENO, lines + have, sizeof lines - 1 - have);
      if (length <= 0) {
        kill(child, SIGKILL);
        polled[1].fd = -1;
      } else {
        have += (size_t)length;
        lines[have] = 0;
        char *line = lines, *next;
        while ((next = strchr(line, '\n'))) {
          *next = 0;
          if (!obey(terminal, line)) polled[0].fd = terminal = -1;
          line = next + 1;
        }
        have = (size_t)(lines + have - line);
        memmove(lines, line, have);
      }
    }
    if (polled[2].revents) break;
  }
  // What the command wrote last.
  struct pollfd last = {.fd = terminal, .events = POLLIN};
  while (poll(&last, 1, 0) > 0 && (last.revents & POLLIN) && forward(terminal));
  int status;
  if (waitpid(child, &status, 0) != child) fail("waitpid");
  if (WIFSIGNALED(status)) fprintf(stderr, "signal %d\n", WTERMSIG(status));
  else fprintf(stderr, "exit %d\n", WEXITSTATUS(status));
  return 0;
}
