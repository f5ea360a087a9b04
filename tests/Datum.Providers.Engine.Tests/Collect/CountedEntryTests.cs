using Datum.Providers.Engine.Collect;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Tests.Collect;

/// <summary>Which entries may vanish (law L15).</summary>
internal sealed class CountedEntryTests
{
    [TestCase("server", null, true, TestName = "L15_what_was_made_counts")]
    [TestCase("server", "server", false, TestName = "L15_what_is_still_being_made_was_never_there_to_vanish")]
    [TestCase("nic-0,server", "server", true, TestName = "L15_a_part_that_was_made_counts_while_the_next_one_is_being_made")]
    [TestCase("nic-0", "server", true, TestName = "L15_a_part_that_was_made_counts_before_the_next_one_has_an_id")]
    [TestCase("", "server", false, TestName = "L15_what_has_no_id_doesnt_count")]
    public void Counts(string parts, string? intent, bool counts)
    {
        var entry = new ManagedResource
        {
            Metadata = new ObjectMeta { Name = "0123456789abcdef0123456789abcdef" },
            Spec = new ManagedResourceSpec
            {
                Wanted = true,
                Record = new ResourceRecord
                {
                    Parts = [.. parts.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(p => new RecordedPart { Name = p, Id = p + "-1" })],
                    Intent = intent is null ? null : new RecordedIntent { Part = intent, Step = "create " + intent, CreateClass = "Named" },
                },
            },
        };
        Assert.That(AccountGuard.Counts(entry), Is.EqualTo(counts));
        entry.Spec.Wanted = false;
        Assert.That(AccountGuard.Counts(entry), Is.False);
    }
}
