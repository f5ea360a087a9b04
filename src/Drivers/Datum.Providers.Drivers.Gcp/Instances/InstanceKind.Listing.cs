using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using Datum.Providers.Drivers.Gcp.Api;
using Datum.Providers.Drivers.Gcp.Kinds;

namespace Datum.Providers.Drivers.Gcp.Instances;

/// <summary>The listing of instances: machines, then boot disks that outlived theirs, then their secrets. A cursor names which of the three.</summary>
internal sealed partial class InstanceKind
{
    /// <summary>Metadata holds user data of up to 256 KiB each: of it only the fingerprint is asked for.</summary>
    private const string Fields = "kind,nextPageToken,unreachables,items/*/warning,items/*/instances(id,name,selfLink,creationTimestamp,status,labels,machineType,lastStartTimestamp,tags,metadata/fingerprint,disks(source,deviceName,boot),networkInterfaces(network,subnetwork,networkIP,accessConfigs,ipv6Address,ipv6AccessConfigs))";

    public async ValueTask<Answer<ListPage<InstanceFacts>>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        ImmutableArray<string> order = ["instances", "disks", "secrets"];
        var colon = cursor?.IndexOf(':', StringComparison.Ordinal) ?? -1;
        var collection = cursor is null ? order[0] : colon < 0 ? "" : cursor[..colon];
        var after = colon < 0 || colon == cursor!.Length - 1 ? null : cursor[(colon + 1)..];
        if (!order.Contains(collection))
            return GcpErrors.NotOurCursor();
        var (items, more, complete, error) = collection switch
        {
            "instances" => await PageAsync(call, query, collection, after, Fields, GcpJson.Default.GcpInstance, ToListed),
            "disks" => await PageAsync(call, query, collection, after, null, GcpJson.Default.GcpDisk, ToListed),
            _ => await SecretsAsync(call, query, after),
        };
        if (error is not null)
            return error;
        var next = order.IndexOf(collection) + 1;
        return new ListPage<InstanceFacts> { Items = items, Next = more is not null ? $"{collection}:{more}" : next < order.Length && (next < 2 || _store.Enabled) ? order[next] + ":" : null, Complete = complete };
    }

    private async ValueTask<(ImmutableArray<Listed<InstanceFacts>> Items, string? Next, bool Complete, DriverError? Error)> PageAsync<T>(
        Call call, ListQuery query, string collection, string? cursor, string? fields, JsonTypeInfo<T> type, Func<T, ListQuery, Listed<InstanceFacts>?> toListed) where T : class
    {
        var pager = new Pager(PageStyle.Token("pageToken", "nextPageToken"), Api.Project, collection, "Instance", query.Installation) { Expired = static a => a.Status is 400 or 410 };
        var size = query.PageSize is > 0 and < 500 ? query.PageSize : 500;
        var first = RestRequest.WithQuery($"aggregated/{collection}", new("filter", LabelFilter.Of(query.Installation, ResourceKind.Instance)),
            new("maxResults", size.ToString(CultureInfo.InvariantCulture)), new("fields", fields));
        var page = await pager.GetAsync(Api.Compute, call, RestRequest.Get(first), cursor);
        if (page.Error is { } error)
            return ([], null, false, error);
        var read = GcpApi.ReadPage(page.Answer, collection, type);
        return read.Value is { } items ? ([.. items.Items.Select(i => toListed(i, query)).OfType<Listed<InstanceFacts>>()], page.Next, items.Complete, null) : ([], null, false, read.Error);
    }

    private async ValueTask<(ImmutableArray<Listed<InstanceFacts>> Items, string? Next, bool Complete, DriverError? Error)> SecretsAsync(Call call, ListQuery query, string? cursor)
    {
        var (items, next, error) = await _store.PageAsync(call, query, ResourceKind.Instance, cursor);
        return error is not null ? ([], null, false, error) : (
        [
            .. items.Select(i => (Item: i, Mark: SecretStore.ReadMark(i)!)).Where(i => i.Mark.Part == InstanceView.Secret).Select(i => new Listed<InstanceFacts>
            {
                Name = i.Mark.Name,
                Incarnation = i.Mark.Incarnation,
                Parts = [new Part { Name = InstanceView.Secret, Id = SecretStore.PathOf(i.Item) }],
                State = Lifecycle.Creating,
                Revision = i.Item.Etag,
                CreatedAt = Times.Parse(i.Item.CreateTime),
            }),
        ], next, true, null);
    }

    private Listed<InstanceFacts>? ToListed(GcpInstance item, ListQuery query)
    {
        if (InstanceView.ReadMark(item) is not { Part: null } mark || mark.Installation != query.Installation || mark.Kind != ResourceKind.Instance)
            return null;
        return new Listed<InstanceFacts>
        {
            Name = mark.Name,
            Incarnation = mark.Incarnation,
            Parts = [new Part { Name = InstanceView.Server, Id = Paths.Below(item.SelfLink, Api.Project) }],
            State = InstanceView.ToLifecycle(item),
            // What is masked out of lists mustn't count where a server doesn't mask.
            Revision = Revisions.Of(item with { Metadata = item.Metadata is { } m ? m with { Items = null } : null, Fingerprint = null, LabelFingerprint = null, Scheduling = null, ServiceAccounts = null, Description = null }, GcpJson.Default.GcpInstance),
            CreatedAt = Times.Parse(item.CreationTimestamp),
        };
    }

    // A disk that its machine holds is no part of its own.
    private Listed<InstanceFacts>? ToListed(GcpDisk item, ListQuery query)
    {
        if (item.Users is { Length: > 0 } || ReadMark(item) is not { Part: InstanceView.Boot } mark || mark.Installation != query.Installation || mark.Kind != ResourceKind.Instance)
            return null;
        return new Listed<InstanceFacts>
        {
            Name = mark.Name,
            Incarnation = mark.Incarnation,
            Parts = [new Part { Name = InstanceView.Boot, Id = Paths.Below(item.SelfLink, Api.Project) }],
            State = Lifecycle.Creating,
            Revision = Revisions.Of(item, GcpJson.Default.GcpDisk),
            CreatedAt = Times.Parse(item.CreationTimestamp),
        };
    }
}
