namespace Datum.Providers.Drivers.Vsphere.Vim;

/// <summary>A file of a datastore. <see cref="Path"/> is written as the platform does: <c>[datastore] folder/file</c>.</summary>
internal sealed record DatastoreFile(string Datacenter, string Path)
{
    public string Name => Path[(Path.LastIndexOf('/') + 1)..];

    /// <summary>Where HTTP finds it.</summary>
    public string Url
    {
        get
        {
            var end = Path.IndexOf(']', StringComparison.Ordinal);
            var file = string.Join('/', Path[(end + 1)..].TrimStart().Split('/').Select(Uri.EscapeDataString));
            return RestRequest.WithQuery("folder/" + file, new("dcPath", Datacenter), new("dsName", Path[1..end]));
        }
    }

    public string Write() => $"{Uri.EscapeDataString(Datacenter)} {Path}";

    /// <summary>Null for what <see cref="Write"/> doesn't write.</summary>
    public static DatastoreFile? Read(string? text) =>
        text?.Split(' ', 2) is [{ Length: > 0 } datacenter, { } path] && path.StartsWith('[') && path.IndexOf(']', StringComparison.Ordinal) is > 1 and var end
        && path.LastIndexOf('/') is var slash && slash > end && slash < path.Length - 1
            ? new DatastoreFile(Uri.UnescapeDataString(datacenter), path) : null;
}

/// <summary>
/// Files of datastores, over HTTP through the vCenter (<c>/folder</c>, by the session's cookie); deleted by a task. What an answer says is never
/// repeated: it may hold what was sent.
/// </summary>
internal sealed class DatastoreFiles(VimClient client, VimTasks tasks)
{
    public async ValueTask<(bool There, DriverError? Error)> ExistsAsync(Call call, DatastoreFile file)
    {
        var answer = await client.HttpAsync(call, new RestRequest { Method = HttpMethod.Head, Path = file.Url });
        return answer.Status == 404 ? (false, null) : answer.Error is { } error ? (false, Told(answer.Status, error, $"be asked about {file.Path}")) : (true, null);
    }

    /// <summary>Writes a file whole; one that is there is replaced.</summary>
    public async ValueTask<DriverError?> WriteAsync(Call call, DatastoreFile file, ReadOnlyMemory<byte> content)
    {
        var answer = await client.HttpAsync(call, new RestRequest { Method = HttpMethod.Put, Path = file.Url, Body = content, ContentType = "application/octet-stream" });
        if (answer.Error is not { } error)
            return null;
        var told = Told(answer.Status, error, $"take {file.Path}");
        return answer.Status == 404 ? told with { Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied } : told;
    }

    /// <summary>Begins to delete a file. That it isn't there is told by the task.</summary>
    public async ValueTask<TaskLook> DeleteAsync(Call call, DatastoreFile file)
    {
        var (content, error) = await client.ContentAsync(call);
        if (error is null && content!.Files is null)
            error = VimErrors.Refused(ErrorCode.Unsupported, "This vCenter has no file manager.");
        if (error is not null)
            return new TaskLook { Status = OperationStatus.Failed, Error = error };
        var found = await client.CallAsync(call, "FindByInventoryPath", content!.SearchIndex, w => w.Text("inventoryPath", "/" + file.Datacenter), mutates: false);
        if (found.Error is { } lost)
            return new TaskLook { Status = OperationStatus.Failed, Error = lost };
        if (found.Result?.AsRef() is not { Type: "Datacenter" } datacenter)
            return new TaskLook { Status = OperationStatus.Failed, Error = VimErrors.Refused(ErrorCode.NotReadyYet, $"The datacenter {file.Datacenter}, in which {file.Path} is to be deleted, isn't there or may not be seen.") };
        return await tasks.BeginAsync(call, "DeleteDatastoreFile_Task", content.Files!.Value, w => w.Text("name", file.Path).Ref("datacenter", datacenter));
    }

    /// <summary>A deletion that found nothing left to delete.</summary>
    public static bool IsGone(TaskLook look) =>
        look.Error is { PlatformCode: "FileNotFound" or "NotFound" } && look.Method?.Contains("delete", StringComparison.OrdinalIgnoreCase) == true;

    private static DriverError Told(int status, DriverError error, string what) => status == 0 ? error
        : error with { Message = $"The datastore can't {what}: the platform answers {status}.", PlatformCode = $"HTTP {status}", BlockedBy = [], RequestId = null };
}
