-- Foreign keys that close a circle between schemas: each end needs the other to be there first.

-- Objects have owners, and users have a picture.
alter table auth.users
  add constraint users_avatar_object_id_fkey foreign key (avatar_object_id)
    references storage.objects (id) on delete set null;

-- Jobs run functions, and what is in a queue starts them.
alter table functions.triggers
  add constraint triggers_queue_name_fkey foreign key (queue_name)
    references jobs.queues (name) on update cascade on delete restrict;

alter table functions.executions
  add constraint executions_job_id_fkey foreign key (job_id)
    references jobs.queue (id) on delete set null;
