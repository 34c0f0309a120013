"""`python -m <service> ROLE...`: one process that plays one role or several.

A service's `__main__.py` and `app.py` are no more than this:

    # __main__.py
    from chassis.process import main
    from pooling.app import build

    main("pooling", build)

    # app.py
    def build() -> Service[PoolingSettings]:
        return Service(
            settings=PoolingSettings,
            migrations=files("pooling") / "migrations",
            routers=[api.router],
            load_scope=store.load_scope,
            handlers=consumer.HANDLERS,
            workers={"expire": workers.expire},
        )

`tests/chassis/example_service.py` is a whole small one.
"""

from chassis.process.cli import main
from chassis.process.roles import run_consumer
from chassis.process.service import Running, Service, Worker

__all__ = ["Running", "Service", "Worker", "main", "run_consumer"]
