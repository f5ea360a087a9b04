using System.Security.Cryptography;
using System.Text;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere;

/// <summary>What all verbs of a session share.</summary>
internal sealed record VsphereContext(VimClient Client, Properties Properties, VimTasks Tasks, DatastoreFiles Files, Places Places, VimRest Rest, ContentLibrary Library, Tags Tags, VsphereSettings Settings, Connection Connection, TimeProvider Time)
{
    /// <summary>How soon to look again where nothing says it better.</summary>
    public static TimeSpan LookAgain => TimeSpan.FromSeconds(2);

    /// <summary>Names of the inventory: 80 characters.</summary>
    public static NameRules Names { get; } = new() { MaxLength = 80 };

    /// <summary>Marks in notes of machines and in descriptions of portgroups.</summary>
    public static TextMarks Texts { get; } = new(1024);

    /// <summary>A revision of what was read.</summary>
    public static string Revision(params ReadOnlySpan<string?> values)
    {
        var text = new StringBuilder();
        foreach (var value in values)
            text.Append(value?.Length ?? -1).Append(':').Append(value);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())).AsSpan(0, 12));
    }
}

/// <summary>Cursors: what is listed, for whom, and where the platform goes on.</summary>
internal static class Cursors
{
    public static string Write(ResourceKind kind, ListQuery query, string position) => $"v1.{ResourceNames.Prefix(kind)}.{query.Installation}.{position}";

    public static bool TryRead(ResourceKind kind, ListQuery query, string cursor, out string position)
    {
        var prefix = Write(kind, query, "");
        position = cursor.StartsWith(prefix, StringComparison.Ordinal) ? cursor[prefix.Length..] : "";
        return position.Length is > 0 and < 2048;
    }
}

/// <summary>Places of a Location by their names in the inventory.</summary>
internal sealed class Places(VimClient client)
{
    public ValueTask<(MoRef? Found, DriverError? Error)> FolderAsync(Call call, VsphereLocation at) =>
        FindAsync(call, $"/{at.Datacenter}/vm{Below(at.Folder)}", at.Folder is null ? "location.datacenter" : "location.folder", "Folder");

    public ValueTask<(MoRef? Found, DriverError? Error)> PoolAsync(Call call, VsphereLocation at) =>
        FindAsync(call, $"/{at.Datacenter}/host/{at.Cluster}/Resources{Below(at.ResourcePool)}", at.ResourcePool is null ? "location.cluster" : "location.resourcePool", "ResourcePool");

    public ValueTask<(MoRef? Found, DriverError? Error)> DatastoreAsync(Call call, VsphereLocation at) =>
        FindAsync(call, $"/{at.Datacenter}/datastore/{at.Datastore}", "location.datastore", "Datastore");

    public ValueTask<(MoRef? Found, DriverError? Error)> SwitchAsync(Call call, VsphereLocation at) =>
        FindAsync(call, $"/{at.Datacenter}/network/{at.Switch}", "location.switch", "VmwareDistributedVirtualSwitch", "DistributedVirtualSwitch");

    public ValueTask<(MoRef? Found, DriverError? Error)> PortgroupAsync(Call call, VsphereLocation at) =>
        FindAsync(call, $"/{at.Datacenter}/network/{at.Network}", "location.network", "DistributedVirtualPortgroup");

    /// <summary>A template by its path from the root.</summary>
    public ValueTask<(MoRef? Found, DriverError? Error)> TemplateAsync(Call call, string path) => FindAsync(call, path, "images", "VirtualMachine");

    private async ValueTask<(MoRef? Found, DriverError? Error)> FindAsync(Call call, string path, string field, params string[] types)
    {
        var (content, error) = await client.ContentAsync(call);
        if (error is not null)
            return (null, error);
        var answer = await client.CallAsync(call, "FindByInventoryPath", content!.SearchIndex, w => w.Text("inventoryPath", path), mutates: false);
        if (answer.Error is not null)
            return (null, answer.Error);
        return answer.Result?.AsRef() is { } found && types.Contains(found.Type) ? (found, null)
            : (null, VimErrors.Refused(ErrorCode.Invalid, answer.Result is null
                ? $"The inventory has nothing at {path}, or the account may not see it."
                : $"{path} is a {answer.Result.RefType} and not a {types[0]}.") with
            { Field = field });
    }

    private static string Below(string? path) => path is null ? "" : "/" + path.Trim('/');
}
