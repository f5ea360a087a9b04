using System.Globalization;

namespace Datum.Providers.Drivers.Simulator;

public sealed partial class SimulatedCloud
{
    private CloudResponse ListImages(CloudRequest request)
    {
        var (page, next) = Cut(CloudCatalog.Images.Where(i => Matches(request, i.Id, i.Name, i.Family)), i => i.Id, request);
        return CloudResponse.Of(200, new CloudImagePage { Items = page, Next = next }, CloudJson.Default.CloudImagePage);
    }

    private CloudResponse ListSizes(CloudRequest request)
    {
        var sizes = CloudCatalog.Sizes.Where(s => Matches(request, s.Name));
        if (request.Query.TryGetValue("zone", out var zone) && !_knobs.UnreachableZones.Contains(zone))
        {
            int? room = _knobs.ZoneCapacity.TryGetValue(zone, out var capacity)
                ? Math.Max(0, capacity - _objects.Values.Count(o => o.Collection == Collections.Servers && o.Zone == zone))
                : null;
            sizes = sizes.Select(s => s with { Remaining = room, Available = room is not 0 });
        }

        var (page, next) = Cut(sizes, s => s.Name, request);
        return CloudResponse.Of(200, new CloudSizePage { Items = page, Next = next }, CloudJson.Default.CloudSizePage);
    }

    private CloudResponse GetQuotas()
    {
        var items = ImmutableArray.CreateBuilder<CloudQuota>();
        foreach (var collection in Collections.All.Except([Collections.Nics, Collections.BootDisks], StringComparer.Ordinal))
        {
            var kind = Collections.KindOf(collection);
            items.Add(new CloudQuota
            {
                Name = collection.ToUpperInvariant(),
                Kind = kind,
                Limit = _knobs.Quota.TryGetValue(kind, out var limit) ? limit : null,
                Used = _objects.Values.Count(o => o.Collection == collection && (o.Zone is null || !_knobs.UnreachableZones.Contains(o.Zone))),
            });
        }

        return CloudResponse.Of(200, new CloudQuotas
        {
            Items = items.ToImmutable(),
            Unreachable = [.. _knobs.UnreachableZones.Order(StringComparer.Ordinal)],
        }, CloudJson.Default.CloudQuotas);
    }

    private static bool Matches(CloudRequest request, params ReadOnlySpan<string?> names)
    {
        if (!request.Query.TryGetValue("search", out var search))
            return true;
        foreach (var name in names)
            if (name?.Contains(search, StringComparison.OrdinalIgnoreCase) == true)
                return true;
        return false;
    }

    private (ImmutableArray<T> Page, string? Next) Cut<T>(IEnumerable<T> items, Func<T, string> key, CloudRequest request)
    {
        var limit = Limit(request);
        var after = request.Query.GetValueOrDefault("after", "");
        var rest = items.OrderBy(key, StringComparer.Ordinal).Where(i => string.CompareOrdinal(key(i), after) > 0).Take(limit + 1).ToList();
        return rest.Count > limit ? ([.. rest[..limit]], key(rest[limit - 1])) : ([.. rest], null);
    }

    private int Limit(CloudRequest request) =>
        request.Query.TryGetValue("limit", out var text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var asked) && asked > 0
            ? Math.Min(_knobs.PageSize, asked)
            : _knobs.PageSize;
}
