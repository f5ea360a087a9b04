using System.Text;

namespace Datum.Providers.Host.Drivers;

/// <summary>What an answer of an optional ability must hold before the engine sees it. Each method returns the first broken rule, or null.</summary>
internal static class AbilityRules
{
    private const int CurrencyLength = 3;

    /// <summary>Never quotes the text: it is the guest's own (DC-103).</summary>
    public static string? Fault(Answer<ConsoleText>? answer, ConsoleQuery query)
    {
        if (ResultRules.Wrapper(answer) is { } wrapper)
            return wrapper;
        if (answer!.Value is not { } console)
            return null;
        if (console.Text is null)
            return "ConsoleText.Text is null";
        if (Encoding.UTF8.GetByteCount(console.Text) is var bytes && bytes > query.MaxBytes)
            return $"ConsoleText.Text has {bytes} bytes, {query.MaxBytes} were asked for at most";
        return console.Next is "" ? "ConsoleText.Next is empty instead of null" : null;
    }

    public static string? Fault<T>(Answer<CatalogPage<T>>? answer, CatalogQuery query, string? cursor, Func<T, string?> itemFault) where T : class
    {
        if (ResultRules.Wrapper(answer) is { } wrapper)
            return wrapper;
        if (answer!.Value is not { } page)
            return null;
        if (page.Items.IsDefault)
            return "CatalogPage.Items is default instead of empty";
        if (page.Next is "")
            return "CatalogPage.Next is empty instead of null";
        if (page.Next is not null && page.Next == cursor)
            return "CatalogPage.Next is the cursor that was asked for: the catalogue would never end";
        if (query.PageSize > 0 && page.Items.Length > query.PageSize)
            return $"CatalogPage.Items holds {page.Items.Length} entries, {query.PageSize} were asked for at most";
        foreach (var item in page.Items)
            if ((item is null ? "CatalogPage.Items holds null" : itemFault(item)) is { } fault)
                return fault;
        return null;
    }

    public static string? Fault(PlatformImage image) =>
        string.IsNullOrWhiteSpace(image.Id) ? "a PlatformImage has no Id"
        : image.MinDiskGiB < 0 ? $"image {image.Id} has a negative MinDiskGiB"
        : null;

    public static string? Fault(Offering offering)
    {
        if (string.IsNullOrWhiteSpace(offering.Native))
            return "an Offering has no Native";
        if (offering.CpuMillis <= 0 || offering.MemoryMiB <= 0)
            return $"offering {offering.Native} has a CpuMillis or MemoryMiB that isn't above zero";
        if (offering.Remaining < 0)
            return $"offering {offering.Native} has a negative Remaining";
        if (offering is { Available: false, Remaining: > 0 })
            return $"offering {offering.Native} isn't Available though {offering.Remaining} are Remaining";
        return offering.Price is { } price && Fault(price) is { } fault ? $"offering {offering.Native}: {fault}" : null;
    }

    public static string? Fault(Answer<QuotaReport>? answer)
    {
        if (ResultRules.Wrapper(answer) is { } wrapper)
            return wrapper;
        if (answer!.Value is not { } report)
            return null;
        if (report.Quotas.IsDefault)
            return "QuotaReport.Quotas is default instead of empty";
        HashSet<(string, string?)> seen = [];
        foreach (var quota in report.Quotas)
        {
            if (string.IsNullOrWhiteSpace(quota?.Name))
                return "a Quota has no Name";
            if (!seen.Add((quota.Name, quota.Scope)))
                return $"quota {quota.Name} is there twice with Scope {quota.Scope ?? "null"}";
            if (quota.Limit < 0 || quota.Used < 0)
                return $"quota {quota.Name} has a negative Limit or Used";
            if (!Enum.IsDefined(quota.Kind))
                return $"quota {quota.Name} has a Kind that the contract doesn't know";
        }

        return null;
    }

    public static string? Fault(Answer<UsagePage>? answer, string? cursor)
    {
        if (ResultRules.Wrapper(answer) is { } wrapper)
            return wrapper;
        if (answer!.Value is not { } page)
            return null;
        if (page.Items.IsDefault)
            return "UsagePage.Items is default instead of empty";
        if (page.Next is "")
            return "UsagePage.Next is empty instead of null";
        if (page.Next is not null && page.Next == cursor)
            return "UsagePage.Next is the cursor that was asked for: the reading would never end";
        HashSet<(string, long)> seen = [];
        foreach (var sample in page.Items)
        {
            if (string.IsNullOrWhiteSpace(sample?.Name))
                return "a UsageSample has no Name";
            if (sample.Incarnation < 0)
                return $"usage of {sample.Name} has a negative Incarnation";
            if (!seen.Add((sample.Name, sample.Incarnation)))
                return $"usage of {sample.Name} is there twice";
            if (sample.CpuMillis < 0 || sample.MemoryBytes < 0 || sample.CpuCapacityMillis <= 0)
                return $"usage of {sample.Name} has a negative CpuMillis or MemoryBytes, or a CpuCapacityMillis that isn't above zero";
            if (sample.ObservedAt == default)
                return $"usage of {sample.Name} has no ObservedAt";
        }

        return null;
    }

    public static string? Fault<TFacts>(Answer<Candidate<TFacts>>? answer) where TFacts : ResourceFacts
    {
        if (ResultRules.Wrapper(answer) is { } wrapper)
            return wrapper;
        if (answer!.Value is not { } candidate)
            return null;
        if (candidate.Facts is null)
            return "Candidate.Facts is null";
        if (candidate.Parts.IsDefaultOrEmpty)
            return "Candidate.Parts is default or empty: what can be adopted has at least one part";
        if (ResultRules.PartsFault(candidate.Parts, "Candidate.Parts") is { } parts)
            return parts;
        if (!Enum.IsDefined(candidate.State))
            return "Candidate.State isn't one that the contract knows";
        if (candidate.Mark is not (MarkState.Missing or MarkState.Ours or MarkState.Foreign))
            return "Candidate.Mark is neither Missing, Ours nor Foreign";
        return candidate.Mark == MarkState.Foreign == string.IsNullOrWhiteSpace(candidate.Owner)
            ? candidate.Owner is null ? "Candidate.Mark is Foreign without an Owner" : "Candidate.Owner is set though the Mark isn't Foreign, or is blank"
            : null;
    }

    private static string? Fault(Price price)
    {
        if (price.Amount < 0)
            return "Price.Amount is negative";
        if (price.Currency is not { Length: CurrencyLength } currency || currency.Any(c => !char.IsAsciiLetterUpper(c)))
            return "Price.Currency isn't three capital letters of ISO 4217";
        return price.Period == PricePeriod.Unknown || !Enum.IsDefined(price.Period) ? "Price.Period is Unknown" : null;
    }
}
