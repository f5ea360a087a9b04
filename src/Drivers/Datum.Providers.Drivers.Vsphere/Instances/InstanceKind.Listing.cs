using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Instances;

/// <summary>The listing of instances: every machine that the account sees, filtered by the mark in its notes.</summary>
internal sealed partial class InstanceKind
{
    public async ValueTask<Answer<ListPage<InstanceFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        var position = "";
        if (cursor is not null && !Cursors.TryRead(ResourceKind.Instance, query, cursor, out position))
            return VimErrors.NotOurCursor();
        var (page, error) = await context.Properties.ListAsync(call, "VirtualMachine", query.PageSize is > 0 and < 250 ? query.PageSize : 250, cursor is null ? null : position,
            o => ToListed(o, query) is not null, Machine.ListPaths);
        if (error is not null)
            return error;
        return new ListPage<InstanceFacts>
        {
            Items = [.. page!.Objects.Select(o => ToListed(o, query)).OfType<Listed<InstanceFacts>>()],
            Next = page.Token is { } token ? Cursors.Write(ResourceKind.Instance, query, token) : null,
            Complete = page.Complete,
        };
    }

    private static Listed<InstanceFacts>? ToListed(VimObject item, ListQuery query)
    {
        if (TextMarks.Read(item.String("config.annotation")) is not { Kind: ResourceKind.Instance, Part: null } mark || mark.Installation != query.Installation || item.String("config.instanceUuid") is not { } uuid)
            return null;
        var power = item.String("runtime.powerState");
        return new Listed<InstanceFacts>
        {
            Name = mark.Name,
            Incarnation = mark.Incarnation,
            Parts = [new Part { Name = InstanceView.Server, Id = uuid.ToLowerInvariant() }],
            State = power switch { "poweredOn" => Lifecycle.Ready, null => Lifecycle.Unknown, _ => Lifecycle.Degraded },
            Revision = VsphereContext.Revision(uuid, item.String("config.annotation"), item.String("config.changeVersion"), item.String("config.modified"), power, item.String("runtime.connectionState"),
                item.String("guest.guestState"), item.String("guest.toolsRunningStatus"),
                string.Join(',', (item.Find("guest.net")?.All("GuestNicInfo") ?? []).SelectMany(n => n.All("ipAddress")).Select(a => a.Text))),
        };
    }
}
