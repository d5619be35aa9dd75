from celery import current_app

from ipaas.runtime import bell, tasks


def test_ring_names_the_task_that_pumps():
    assert tasks.pump.name == bell.PUMP
    assert bell.PUMP in current_app.tasks
