using System.Reflection;

namespace Datum.Providers.Conformance;

/// <summary>All cases of the kit, in the order of their numbers. Found by their attributes: a new group is a new file and nothing else.</summary>
public static class CaseCatalog
{
    /// <summary>Every case.</summary>
    public static ImmutableArray<ConformanceCase> All { get; } = Discover();

    /// <summary>The cases of some groups; all when none is named.</summary>
    public static ImmutableArray<ConformanceCase> Of(params ReadOnlySpan<KitGroup> groups)
    {
        var chosen = groups.ToArray();
        return chosen.Length == 0 ? All : [.. All.Where(c => chosen.Contains(c.Group))];
    }

    private static ImmutableArray<ConformanceCase> Discover()
    {
        var cases = new SortedDictionary<int, ConformanceCase>();
        foreach (var type in typeof(CaseCatalog).Assembly.GetTypes())
        {
            if (type.GetCustomAttribute<CaseGroupAttribute>() is not { } group)
                continue;
            foreach (var method in type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            {
                if (method.GetCustomAttribute<CaseAttribute>() is not { } attribute)
                    continue;
                var parameters = method.GetParameters();
                var eachKind = parameters is [{ ParameterType: var only }] && only == typeof(KindRun);
                var found = new ConformanceCase(attribute, group.Group,
                    eachKind ? null : method.CreateDelegate<Func<CaseRun, Task>>(),
                    eachKind ? method.CreateDelegate<Func<KindRun, Task>>() : null);
                if (!cases.TryAdd(attribute.Number, found))
                    throw new InvalidOperationException($"{found.Id} is given to '{cases[attribute.Number].Title}' and to '{found.Title}'.");
            }
        }

        return [.. cases.Values];
    }
}
