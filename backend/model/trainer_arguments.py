"""Our settings as those of `transformers.Trainer`."""

from pathlib import Path

from transformers import TrainingArguments

from backend.model.training_settings import TrainingSettings

_LOGS = 100  # entries in the log of a run


def trainer_arguments(folder: Path, settings: TrainingSettings, steps: int) -> TrainingArguments:
    """For a run of ``steps`` into ``folder``; saving and looking at rows is up to callbacks."""
    device = settings.torch_device()
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=settings.batch_size,
        num_train_epochs=settings.epochs,
        learning_rate=settings.lr,
        lr_scheduler_type=settings.scheduler,
        # A number below 1 is a share of the steps: 1.0 would mean one step.
        warmup_steps=settings.warmup if settings.warmup < 1 else steps,
        weight_decay=settings.weight_decay,
        optim=settings.optimizer,
        seed=settings.seed,
        bf16=settings.bf16(),
        use_cpu=device.type == "cpu",
        logging_steps=max(1, round(steps / _LOGS)),
        logging_nan_inf_filter=False,
        save_strategy="no",  # Steward says when
        eval_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=device.type == "cuda",
    )
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1  # else Trainer would multiply the batch size by the number of GPUs
    return arguments
