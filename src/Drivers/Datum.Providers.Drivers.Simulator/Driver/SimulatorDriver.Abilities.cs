using System.Runtime.CompilerServices;
using Datum.Providers.Sdk;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Drivers.Simulator;

internal sealed partial class SimulatorDriver : IPowerControl, IConsoleLog, IImageCatalog, IOfferings, IQuotas, IChangeFeed, IUsageReader
{
    private const string UsageCursor = "usage:";

    private readonly SimulatorGuests _guests;
    private readonly CancellationTokenSource _ended = new();

    public ValueTask<Outcome<InstanceFacts>> PowerAsync(Operation operation, Identity id, PowerAction action) => _guests.PowerAsync(operation, id, action);

    public ValueTask<Answer<ConsoleText>> ReadConsoleAsync(Call call, Identity id, ConsoleQuery query) => _guests.ReadConsoleAsync(call, id, query);

    public async ValueTask<Answer<CatalogPage<PlatformImage>>> ListImagesAsync(Call call, CatalogQuery query, string? cursor)
    {
        // Every zone has every image, so the location cuts nothing.
        var answer = await _api.ImagesAsync(call, query, cursor);
        if (answer.Value is not { } page)
            return answer.Error!;
        return new CatalogPage<PlatformImage>
        {
            Next = page.Next,
            Items =
            [
                .. page.Items.Select(i => new PlatformImage
                {
                    Id = i.Id,
                    Name = i.Name,
                    Family = i.Family,
                    Architecture = i.Architecture,
                    MinDiskGiB = i.MinDiskGiB,
                    CreatedAt = i.CreatedAt,
                    Deprecated = i.Deprecated,
                }),
            ],
        };
    }

    public async ValueTask<Answer<CatalogPage<Offering>>> ListOfferingsAsync(Call call, CatalogQuery query, string? cursor)
    {
        var zone = Check.ZoneOf(query.LocationJson);
        if (query.LocationJson is not null && zone is null)
            return PartAccess.Refused(ErrorCode.Invalid, "The location block names no zone.") with { Field = "location.zone" };
        var answer = await _api.SizesAsync(call, query, cursor, zone);
        if (answer.Value is not { } page)
            return answer.Error!;
        return new CatalogPage<Offering>
        {
            Next = page.Next,
            Items =
            [
                .. page.Items.Select(s => new Offering
                {
                    Native = s.Name,
                    CpuMillis = s.CpuMillis,
                    MemoryMiB = s.MemoryMiB,
                    Architecture = s.Architecture,
                    Zone = zone,
                    Available = s.Available,
                    Remaining = s.Remaining,
                    Price = s.HourlyPrice is { } amount ? new Price { Amount = amount, Currency = "USD", Period = PricePeriod.Hour } : null,
                }),
            ],
        };
    }

    public async ValueTask<Answer<QuotaReport>> ReadQuotasAsync(Call call)
    {
        var answer = await _api.QuotasAsync(call);
        if (answer.Value is not { } quotas)
            return answer.Error!;
        return new QuotaReport
        {
            Quotas = [.. quotas.Items.Select(q => new Quota { Name = q.Name, Kind = q.Kind, Limit = q.Limit, Used = q.Used })],
            Complete = quotas.Unreachable.Length == 0,
        };
    }

    public async ValueTask<Answer<UsagePage>> ListUsageAsync(Call call, ListQuery query, string? cursor)
    {
        if (cursor is not null && !cursor.StartsWith(UsageCursor, StringComparison.Ordinal))
            return PartAccess.NotOurCursor();
        var answer = await _api.UsageAsync(call, query.PageSize, cursor?[UsageCursor.Length..],
            [new(Marks.InstallKey, query.Installation), new(Marks.KindKey, ResourceNames.Prefix(ResourceKind.Instance))]);
        if (answer.Value is not { } page)
            return answer.Error!;
        var items = ImmutableArray.CreateBuilder<UsageSample>();
        foreach (var one in page.Items)
            if (one.Labels is { } labels && Marks.Parse(labels) is { } mark)
                items.Add(new UsageSample
                {
                    Name = mark.Name,
                    Incarnation = mark.Incarnation,
                    CpuMillis = one.CpuMillis,
                    CpuCapacityMillis = one.CpuCapacityMillis,
                    MemoryBytes = one.MemoryBytes,
                    ObservedAt = one.MeasuredAt,
                });
        return new UsagePage { Items = items.ToImmutable(), Next = page.Next is { } more ? UsageCursor + more : null, Complete = page.Unreachable.Length == 0 };
    }

    public IAsyncEnumerable<Change> WatchAsync(Call call) => WatchAsync(call, CancellationToken.None);

    private async IAsyncEnumerable<Change> WatchAsync(Call call, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(call.Cancellation, cancellation, _ended.Token);
        // A stream has no deadline: it lives until it is cancelled.
        var endless = new Call { Cancellation = either.Token, Deadline = DateTimeOffset.MaxValue, Id = call.Id };
        await using var lines = _api.EventsAsync(endless, Marks.InstallKey, _installation).GetAsyncEnumerator(either.Token);
        while (true)
        {
            try
            {
                if (!await lines.MoveNextAsync())
                    yield break;
            }
            catch (OperationCanceledException) when (either.IsCancellationRequested)
            {
                yield break;
            }
            catch (DriverException e)
            {
                // The host lists and subscribes again.
                LogEnded(_logger, e.Message);
                yield break;
            }

            if (SimulatorApi.ToEvent(lines.Current)?.Labels is { } labels && Marks.Parse(labels) is { } mark)
                yield return new Change { Kind = mark.Kind, Name = mark.Name };
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The platform's event stream ended: {Reason}")]
    private static partial void LogEnded(ILogger logger, string reason);
}
