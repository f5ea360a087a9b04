using System.Globalization;

namespace Datum.Providers.Drivers.Vsphere.Vim;

/// <summary>What a handle names: a task of the platform, or something that is waited for since a time.</summary>
internal sealed record VimHandle(string Kind, DateTimeOffset Since, string Data)
{
    public const string Task = "task";
    public const string Stop = "stop";
    public const string Guest = "guest";

    private const string Version = "vs1";

    /// <summary>Tasks are forgotten ten minutes after their end; by then the object tells enough.</summary>
    private static readonly TimeSpan Life = TimeSpan.FromHours(24);

    public Handle Write() => new() { Data = string.Create(CultureInfo.InvariantCulture, $"{Version}:{Kind}:{Since.ToUnixTimeSeconds()}:{Data}"), ExpiresAt = Since + Life };

    /// <summary>Null for what isn't ours, or is too old.</summary>
    public static VimHandle? Read(Handle? handle, DateTimeOffset now) =>
        handle is not null && handle.Data.Length <= 1024 && !(now >= handle.ExpiresAt) && handle.Data.Split(':', 4) is [Version, var kind, var since, var data]
        && kind is Task or Stop or Guest && long.TryParse(since, NumberStyles.None, CultureInfo.InvariantCulture, out var unix) && unix < 253_402_300_799
        && (kind != Task || MoRef.IsValue(data))
            ? new VimHandle(kind, DateTimeOffset.FromUnixTimeSeconds(unix), data) : null;
}

/// <summary>How far a task is.</summary>
internal sealed record TaskLook
{
    public required OperationStatus Status { get; init; }
    public Progress? Progress { get; init; }
    public DriverError? Error { get; init; }

    /// <summary>What it made, once it has.</summary>
    public VimNode? Result { get; init; }

    /// <summary>The method, e.g. <c>CloneVM_Task</c>; null when it isn't known.</summary>
    public string? Method { get; init; }

    public static TaskLook Unknown { get; } = new() { Status = OperationStatus.Unknown };
}

/// <summary>The platform's tasks. Nothing waits for one.</summary>
internal sealed class VimTasks(VimClient client, Properties properties, ErrorTable errors, TimeProvider time)
{
    /// <summary>Calls a method that returns a task.</summary>
    public async ValueTask<TaskLook> BeginAsync(Call call, string method, MoRef target, Action<VimWriter>? members = null)
    {
        var answer = await client.CallAsync(call, method, target, members);
        if (answer.Error is { } error)
            return new TaskLook { Status = OperationStatus.Failed, Error = error, Method = method };
        return answer.Result?.AsRef() is { Type: "Task" } task
            ? new TaskLook { Status = OperationStatus.Running, Progress = Waiting(new VimHandle(VimHandle.Task, time.GetUtcNow(), task.Value), "queued"), Method = method }
            : new TaskLook { Status = OperationStatus.Failed, Error = VimErrors.Refused(ErrorCode.Failed, $"The platform's answer to {method} names no task.", Effect.Unknown), Method = method };
    }

    /// <summary>
    /// Calls a method that makes something, and looks at its task once: what it made at once has an id now, and what was refused at once is
    /// told as a refusal.
    /// </summary>
    public async ValueTask<TaskLook> MakeAsync(Call call, string method, MoRef target, Action<VimWriter> members)
    {
        var begun = await BeginAsync(call, method, target, members);
        if (begun.Progress?.Handle is not { } handle)
            return begun;
        var look = await LookAsync(call, VimHandle.Read(handle, time.GetUtcNow()));
        // A look that failed says nothing of the task.
        return look.Status is OperationStatus.Succeeded or OperationStatus.Failed ? look : begun;
    }

    /// <summary>One look. A task that is forgotten is Unknown: the object's own state tells.</summary>
    public async ValueTask<TaskLook> LookAsync(Call call, VimHandle? handle)
    {
        if (handle is not { Kind: VimHandle.Task })
            return TaskLook.Unknown;
        var (found, error) = await properties.ReadAsync(call, new MoRef("Task", handle.Data), "info");
        if (error is not null)
            return new TaskLook { Status = OperationStatus.Unknown, Error = error };
        return found?.Find("info") is { } info ? Read(info, handle) : TaskLook.Unknown;
    }

    /// <summary>A task of the object is under way, which the platform lets end first.</summary>
    public static Progress? Busy(DriverError? error) => error is { PlatformCode: "TaskInProgress" }
        ? new Progress { LookAgainAfter = VsphereContext.LookAgain, WaitingFor = WaitingFor.Platform, Message = "another task is under way" } : null;

    /// <summary>Whether tasks of a kind are under way whose results aren't known yet: a create whose handle was lost may be one of them.</summary>
    public async ValueTask<(Progress? Progress, DriverError? Error)> PendingAsync(Call call, string what, Func<VimNode, bool> isOne)
    {
        var (content, error) = await client.ContentAsync(call);
        if (error is not null)
            return (null, error);
        if (content!.TaskManager is not { } manager)
            return (null, null);
        var (tasks, failed) = await properties.ReadThroughAsync(call, manager, "recentTask", "Task", "info");
        if (failed is not null)
            return (null, failed);
        var pending = tasks.Select(t => t.Find("info")).OfType<VimNode>().Any(i => i.String("state") is "queued" or "running" && isOne(i));
        return (pending ? new Progress { LookAgainAfter = VsphereContext.LookAgain, WaitingFor = WaitingFor.Platform, Message = $"a {what} of this account is under way" } : null, null);
    }

    private TaskLook Read(VimNode info, VimHandle handle)
    {
        var method = info.String("name") ?? info.String("descriptionId");
        switch (info.String("state"))
        {
            case "queued":
                return new TaskLook { Status = OperationStatus.Running, Progress = Waiting(handle, "queued"), Method = method };
            case "running":
                var percent = info.Number("progress");
                return new TaskLook { Status = OperationStatus.Running, Progress = Waiting(handle, percent is null ? "running" : $"{percent} %"), Method = method };
            case "success":
                return new TaskLook { Status = OperationStatus.Succeeded, Result = info.Find("result"), Method = method };
            case "error" when info.Find("error") is { } fault:
                return new TaskLook { Status = OperationStatus.Failed, Error = errors.ClassifyLate(0, VimFault.Of(fault).ToDetail()), Method = method };
            default:
                return TaskLook.Unknown;
        }
    }

    private Progress Waiting(VimHandle handle, string message)
    {
        var age = time.GetUtcNow() - handle.Since;
        return new Progress
        {
            LookAgainAfter = age < TimeSpan.FromSeconds(15) ? TimeSpan.FromSeconds(2) : age < TimeSpan.FromMinutes(1) ? TimeSpan.FromSeconds(4) : age < TimeSpan.FromMinutes(5) ? TimeSpan.FromSeconds(10) : TimeSpan.FromSeconds(30),
            WaitingFor = WaitingFor.Platform,
            Message = message,
            Handle = handle.Write(),
        };
    }
}
