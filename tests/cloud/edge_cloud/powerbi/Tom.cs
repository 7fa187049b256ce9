// Reads a model's folder of TMDL with Microsoft's own library (TOM) and prints what it found, a line each, fields apart by
// tabs; then writes it as TMDL into a second folder, reads that again, and prints the same once more after a line "again".
using System;
using System.IO;
using System.Linq;
using Microsoft.AnalysisServices.Tabular;

static class Tom
{
    static int Main(string[] folders)
    {
        try
        {
            Database database = TmdlSerializer.DeserializeDatabaseFromFolder(folders[0]);
            Print(database.Model);
            TmdlSerializer.SerializeDatabaseToFolder(database, folders[1]);
            Console.WriteLine("again");
            Print(TmdlSerializer.DeserializeDatabaseFromFolder(folders[1]).Model);
            return 0;
        }
        catch (Exception error)
        {
            Console.WriteLine("refused\t" + error.Message.Replace("\r", "").Replace("\n", " "));
            return 1;
        }
    }

    static void Print(Model model)
    {
        foreach (Table table in model.Tables)
        {
            Partition source = table.Partitions.Single();
            Console.WriteLine(string.Join("\t", "table", table.Name, source.SourceType, source.Mode));
            foreach (Column column in table.Columns.Where(one => one.Type != ColumnType.RowNumber))
                Console.WriteLine(string.Join("\t", "column", table.Name, column.Name, column.DataType));
            foreach (Measure measure in table.Measures)
                Console.WriteLine(string.Join("\t", "measure", table.Name, measure.Name));
        }
        foreach (SingleColumnRelationship one in model.Relationships)
            Console.WriteLine(string.Join("\t", "relationship", End(one.FromColumn), End(one.ToColumn), one.FromCardinality,
                one.ToCardinality, one.CrossFilteringBehavior));
        foreach (ModelRole role in model.Roles)
            foreach (TablePermission permission in role.TablePermissions)
                Console.WriteLine(string.Join("\t", "permission", role.Name, permission.Table.Name));
        foreach (NamedExpression expression in model.Expressions)
            Console.WriteLine(string.Join("\t", "expression", expression.Name));
    }

    static string End(Column column)
    {
        return column.Table.Name + "." + column.Name;
    }
}
