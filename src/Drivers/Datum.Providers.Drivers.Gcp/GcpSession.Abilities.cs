using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using Datum.Providers.Drivers.Gcp.Api;

namespace Datum.Providers.Drivers.Gcp;

/// <summary>What only some platforms can.</summary>
internal sealed partial class GcpSession : IConsoleLog, IImageCatalog, IOfferings, IQuotas
{
    public ValueTask<Answer<ConsoleText>> ReadConsoleAsync(Call call, Identity id, ConsoleQuery query) => _instances.ReadConsoleAsync(call, id, query);

    /// <summary>Images of the project itself, then those of Google's Ubuntu and Debian projects.</summary>
    public async ValueTask<Answer<CatalogPage<PlatformImage>>> ListImagesAsync(Call call, CatalogQuery query, string? cursor)
    {
        ImmutableArray<string> projects = [Api.Project, "ubuntu-os-cloud", "debian-cloud"];
        var colon = cursor?.IndexOf('|', StringComparison.Ordinal) ?? -1;
        var project = cursor is null ? projects[0] : colon < 0 ? "" : cursor[..colon];
        if (!projects.Contains(project))
            return GcpErrors.NotOurCursor();
        var root = Api.Compute.BaseAddress.AbsolutePath[..^(Api.Project.Length + 1)];
        // GCP writes a plain "*" for any rest of a name.
        var filter = query.Search is { Length: > 0 } search ? $"name eq \".*{new string([.. search.Where(c => char.IsAsciiLetterOrDigit(c) || c == '-')])}.*\"" : null;
        var first = RestRequest.AtRoot(RestRequest.WithQuery($"{root}{project}/global/images", new("filter", filter), new("maxResults", Size(query).ToString(CultureInfo.InvariantCulture))));
        var (items, next, error) = await PageAsync(call, first, "images", cursor is null || colon == cursor.Length - 1 ? null : cursor[(colon + 1)..], GcpJson.Default.GcpImage, project, query.Search ?? "");
        if (error is not null)
            return error;
        var following = projects.IndexOf(project) + 1;
        return new CatalogPage<PlatformImage>
        {
            Items = [.. items.Where(i => i.SelfLink is not null && (i.Deprecated?.State is null || query.Search is { Length: > 0 })).Select(ToImage)],
            Next = next is not null ? $"{project}|{next}" : following < projects.Length ? projects[following] + "|" : null,
        };
    }

    /// <summary>Machine types of the location's zone, or of all zones.</summary>
    public async ValueTask<Answer<CatalogPage<Offering>>> ListOfferingsAsync(Call call, CatalogQuery query, string? cursor)
    {
        var zone = GcpLocation.Parse(query.LocationJson)?.Zone;
        var first = RestRequest.Get(RestRequest.WithQuery(zone is null ? "aggregated/machineTypes" : $"zones/{zone}/machineTypes", new KeyValuePair<string, string?>("maxResults", Size(query).ToString(CultureInfo.InvariantCulture))));
        var (items, next, error) = await PageAsync(call, first, "machineTypes", cursor, GcpJson.Default.GcpMachineType, zone ?? "", "");
        if (error is not null)
            return error;
        return new CatalogPage<Offering>
        {
            Items =
            [
                .. items.Where(i => i.Name is not null && i.Deprecated?.State is null && (query.Search is not { Length: > 0 } search || i.Name.Contains(search, StringComparison.OrdinalIgnoreCase))).Select(i => new Offering
                {
                    Native = i.Name!,
                    CpuMillis = (i.GuestCpus ?? 0) * 1000,
                    MemoryMiB = i.MemoryMb ?? 0,
                    Zone = i.Zone is { } place ? Paths.Last(place) : zone,
                    Architecture = Architecture(i.Architecture),
                }),
            ],
            Next = next,
        };
    }

    /// <summary>Limits of the project and of its regions; a place that doesn't answer makes the report incomplete.</summary>
    public async ValueTask<Answer<QuotaReport>> ReadQuotasAsync(Call call)
    {
        var (project, error) = await ProjectAsync(call);
        if (error is not null)
            return error;
        var pages = await new Pager(PageStyle.Token("pageToken", "nextPageToken"), Api.Project, "regions").AllAsync(Api.Compute, call, RestRequest.Get("regions"));
        if (pages.Error is { } failed)
            return failed;
        var quotas = ImmutableArray.CreateBuilder<Quota>();
        var complete = true;
        quotas.AddRange((project!.Quotas ?? []).Select(q => ToQuota(q, null)));
        foreach (var answer in pages.Value!.Pages)
        {
            var page = GcpApi.ReadPage(answer, "regions", GcpJson.Default.GcpRegion);
            if (page.Value is not { } read)
                return page.Error!;
            complete &= read.Complete;
            quotas.AddRange(read.Items.SelectMany(r => (r.Quotas ?? []).Select(q => ToQuota(q, r.Name))));
        }

        return new QuotaReport { Quotas = quotas.ToImmutable(), Complete = complete };
    }

    private async ValueTask<(ImmutableArray<T> Items, string? Next, DriverError? Error)> PageAsync<T>(Call call, RestRequest first, string collection, string? cursor, JsonTypeInfo<T> type, params string[] scope) where T : class
    {
        var page = await new Pager(PageStyle.Token("pageToken", "nextPageToken"), [Api.Project, collection, .. scope]) { Expired = static a => a.Status is 400 or 410 }.GetAsync(Api.Compute, call, first, cursor);
        if (page.Error is { } error)
            return ([], null, error);
        var read = GcpApi.ReadPage(page.Answer, collection, type);
        return read.Value is { } items ? (items.Items, page.Next, null) : ([], null, read.Error);
    }

    private static int Size(CatalogQuery query) => query.PageSize is > 0 and < 500 ? query.PageSize : 500;

    private PlatformImage ToImage(GcpImage image) => new()
    {
        Id = Paths.Below(image.SelfLink, Api.Project),
        Name = image.Name,
        Family = image.Family,
        Architecture = Architecture(image.Architecture),
        MinDiskGiB = int.TryParse(image.DiskSizeGb, NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : null,
        CreatedAt = Kinds.Times.Parse(image.CreationTimestamp),
        Deprecated = image.Deprecated?.State is not null,
    };

    private static string? Architecture(string? word) => word switch { "X86_64" => "amd64", "ARM64" => "arm64", _ => null };

    private static Quota ToQuota(GcpQuota quota, string? region) => new()
    {
        Name = quota.Metric ?? "",
        Scope = region,
        Kind = quota.Metric switch
        {
            "NETWORKS" => ResourceKind.Network,
            "SUBNETWORKS" => ResourceKind.Subnet,
            // FIREWALLS counts the platform's: one rule set may be several.
            "STATIC_ADDRESSES" => ResourceKind.Address,
            "INSTANCES" => ResourceKind.Instance,
            _ => ResourceKind.Unknown,
        },
        Limit = (long?)quota.Limit,
        Used = (long?)quota.Usage,
    };
}
