using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox.Cluster;

/// <summary>A task that a node is at work on.</summary>
internal sealed record ActiveTask(string Type, string? Id);

/// <summary>
/// What a node is at work on for these credentials. A host that lost its handle (it died, or the record of the task is gone) asks here before it
/// sends again what may still be under way (DC-81).
/// </summary>
internal static class ActiveTasks
{
    public static async ValueTask<(ImmutableArray<ActiveTask> Items, DriverError? Error)> ReadAsync(PveApi api, Call call, string node)
    {
        var list = await api.ListAsync(call, $"nodes/{node}/tasks?source=active");
        return list.Value is { } items ? ([.. items.Items.Where(i => i.Text("type") is not null).Select(i => new ActiveTask(i.Text("type")!, i.Text("id")))], null) : ([], list.Error);
    }
}
