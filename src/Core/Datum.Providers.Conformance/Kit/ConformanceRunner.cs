using System.Diagnostics;

namespace Datum.Providers.Conformance;

/// <summary>Runs cases, each in a new world, and tells what came of them. Needs no test framework.</summary>
public sealed class ConformanceRunner(Func<ConformanceWorld> createWorld)
{
    /// <summary>How long one verb may take in real time before the run is given up for a driver that doesn't heed its deadline. Default 60 seconds.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Runs the cases in their order.</summary>
    public async Task<ConformanceReport> RunAsync(IEnumerable<ConformanceCase> cases)
    {
        var results = ImmutableArray.CreateBuilder<CaseResult>();
        foreach (var one in cases)
            results.Add(await RunAsync(one));
        return await ReportAsync(results.ToImmutable());
    }

    /// <summary>Runs one case, for each kind that it is for.</summary>
    public async Task<CaseResult> RunAsync(ConformanceCase one)
    {
        var started = Stopwatch.GetTimestamp();
        var runs = ImmutableArray.CreateBuilder<KindResult>();
        if (one.EachKind is null)
        {
            runs.Add(await RunAsync(one, ResourceKind.Unknown));
        }
        else
        {
            ImmutableArray<ResourceKind> kinds;
            await using (var world = createWorld())
                kinds = [.. world.Factory.Describe().Kinds.Select(k => k.Kind).Where(k => one.Kinds.IsEmpty || one.Kinds.Contains(k))];
            foreach (var kind in kinds)
                runs.Add(await RunAsync(one, kind));
            if (kinds.IsEmpty)
                runs.Add(NotApplicable(ResourceKind.Unknown, $"The driver has none of the kinds {string.Join(", ", one.Kinds)}."));
        }

        return new CaseResult { Case = one, Runs = runs.ToImmutable(), Duration = Stopwatch.GetElapsedTime(started) };
    }

    /// <summary>Makes a report of results that were run one by one.</summary>
    public async Task<ConformanceReport> ReportAsync(ImmutableArray<CaseResult> results)
    {
        await using var world = createWorld();
        return new ConformanceReport { Driver = world.Factory.Describe(), Results = results };
    }

    /// <summary>Runs one case for one kind; Unknown for a case that isn't about kinds.</summary>
    internal async Task<KindResult> RunAsync(ConformanceCase one, ResourceKind kind)
    {
        await using var world = createWorld();
        if (one.InjectsFault && world.Transport is null)
            return NotApplicable(kind, "The world lends no HTTP transport to inject faults into.");
        if (one.Needs.FirstOrDefault(n => !n.IsInstanceOfType(world)) is { } missing)
            return NotApplicable(kind, $"The world doesn't implement {missing.Name}.");

        CaseRun? run = null;
        try
        {
            await world.StartAsync();
            run = new CaseRun(world, Patience, one.Number);
            if (one.Once is { } once)
                await once(run);
            else
                await one.EachKind!(new KindRun(run, kind));
            if (one.InjectsFault && run.Host.Faults.Hits == 0)
                throw new NotApplicableException("No request came by that the fault could hit.");
            await run.FinishAsync();
            return Result(run, kind, CaseStatus.Passed, "");
        }
        catch (NotApplicableException e)
        {
            return Result(run, kind, CaseStatus.NotApplicable, e.Message);
        }
        catch (CaseFailedException e)
        {
            return Result(run, kind, CaseStatus.Failed, e.Message + (run is null ? "" : await AlsoAsync(run, e)) + run?.Host.Faults.Story());
        }
        catch (Exception e)
        {
            return Result(run, kind, CaseStatus.Failed, $"The run ended with an exception: {e}");
        }
        finally
        {
            if (run is not null)
                await run.DisposeAsync();
        }
    }

    /// <summary>A case that failed is checked for leaks and violations too, unless these are why it failed.</summary>
    private static async Task<string> AlsoAsync(CaseRun run, CaseFailedException why) =>
        await run.AlsoWrongAsync() is { } also && !also.Contains(why.Message, StringComparison.Ordinal) ? also : "";

    private static KindResult NotApplicable(ResourceKind kind, string why) =>
        new() { Kind = kind, Status = CaseStatus.NotApplicable, Message = why, Calls = ImmutableSortedDictionary<string, long>.Empty, FaultsInjected = 0 };

    private static KindResult Result(CaseRun? run, ResourceKind kind, CaseStatus status, string message) => new()
    {
        Kind = kind,
        Status = status,
        Message = message,
        Calls = run?.Host.Calls.ByVerb ?? ImmutableSortedDictionary<string, long>.Empty,
        FaultsInjected = run?.Host.Faults.Hits ?? 0,
        BreakPoints = run?.BreakPoints.Found ?? 0,
        BreakPointsTried = run?.BreakPoints.Tried ?? 0,
    };
}
