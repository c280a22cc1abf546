"""Containment: a bug in a module stays small and is attributed to it.

Modules are trusted code: they run with the panel's rights. What is contained is a bug.

* `probe`: a module is first loaded in a process of its own before it is activated.
* `load_timeout`: loading a module has a deadline; a loop at import costs that module only.
* `crash_markers`: a process notes the module it is running, so that a crash can be attributed.
* `output_redaction`: what modules print is masked like every log line.

The rest lives where it acts: `host.calls` turns every exception of a call into a result,
`operations.modules.crashes` counts crashes, `operations.modules.breaker` opens the circuit breaker,
and `tasks` ends jobs that exceed their timeout. Changes that a module makes to its process
(environment, patched libraries, signal handlers) are not undone; `module check` warns about them.
"""
